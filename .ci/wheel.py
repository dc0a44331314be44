"""Build the package and have a stranger use it: a new environment, a new project, an import.

Once for each pair of Python and Django that is supported; a Python that is not here is skipped, visibly. With the
oldest and the newest pair the stranger follows the tutorial, too, in an empty folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.parser import Parser
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "django_tasks_poc"
PAIRS = {"3.11": ["5.2"], "3.12": ["5.2", "6.0", "6.1"], "3.13": ["5.2", "6.0", "6.1"]}
FOLLOW_THE_TUTORIAL = {("3.11", "5.2"), ("3.13", "6.1")}

SETTINGS = """
INSTALLED_APPS += ["django_tasks_poc"]
DATABASES["default"]["OPTIONS"] = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL",
}
"""
ROWS, BAD = 2_000, 1_234
MESSAGE = "1900 rows, 1 batch failed: invalid literal for int() with base 10: 'much'"
CHECK = f"""
import django_tasks_poc
from django.contrib.auth.models import Group
from django_tasks_poc import TaskViewer
from django_tasks_poc.models import Task

assert "site-packages" in django_tasks_poc.__file__, django_tasks_poc.__file__
task = TaskViewer().get(Task.objects.get(depth=0).uuid)
assert (task.state, task.message) == ("SUCCESS", {MESSAGE!r}), task
assert Group.objects.count() == 1900
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        wheel = build(Path(folder, "dist"))
        pairs = list(here())
        assert pairs, "there is no Python here that is supported"
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for line in pool.map(lambda pair: use(wheel, Path(folder, "-".join(pair)), *pair[1:]), pairs):
                print(line, flush=True)


def build(folder: Path) -> Path:
    """Build an sdist, and the wheel from it; return the wheel, which is the package as it is in git."""
    run(sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT))
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    tracked = set(run("git", "ls-files", cwd=ROOT).split())
    with tarfile.open(sdist) as files:
        packed = {name.partition("/")[2] for name in files.getnames()}
    assert tracked <= packed, f"the sdist lacks {sorted(tracked - packed)}"
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        wanted = Parser().parsestr(archive.read(metadata).decode()).get_all("Requires-Dist", [])
    expected = {name for name in tracked if name.startswith(f"{PACKAGE}/")}
    assert packed == expected, f"the wheel differs from the package in git: {sorted(packed ^ expected)}"
    assert f"{PACKAGE}/py.typed" in packed
    core = {need.name.lower() for need in map(Requirement, wanted) if need.marker is None}
    assert core == {"django", "msgspec"}, core
    print(f"{wheel.name}: {len(packed)} files")
    return wheel


def here() -> Iterator[tuple[str, str, str, str]]:
    """Yield a name, the interpreter, its version and Django's for each pair that this machine can run."""
    for python, versions in PAIRS.items():
        # pyenv's python3.12 is there, and fails, where that version is not chosen.
        asked = [f"python{python}", "-c", "import sys; print(sys.executable)"]
        found = subprocess.run(asked, capture_output=True, text=True) if shutil.which(asked[0]) else None
        if found is None or found.returncode:
            print(f"SKIPPED: there is no Python {python} here")
            continue
        for django in versions:
            yield f"py{python}", found.stdout.strip(), python, django


def use(wheel: Path, folder: Path, interpreter: str, python: str, django: str) -> str:
    """Install the wheel alone, begin a project, and run an import through it."""
    run(interpreter, "-m", "venv", "--without-pip", str(folder / "venv"))
    bin = folder / "venv" / "bin"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(bin / "python"), "install"]
    run(*pip, "--quiet", "--no-compile", str(wheel), f"Django~={django}.0")
    project = folder / "project"
    project.mkdir()
    run(str(bin / "django-admin"), "startproject", "shop", str(project))
    with (project / "shop" / "settings.py").open("a") as settings:
        settings.write(SETTINGS)
    shutil.copy(ROOT / ".ci" / "project" / "jobs.py", project / "shop")
    (project / "table.csv").write_text(
        "".join(f"row {number},{'much' if number == BAD else number}\n" for number in range(ROWS))
    )

    def manage(*arguments: str) -> str:
        return run(str(bin / "python"), "-W", "error", "manage.py", *arguments, cwd=project)

    manage("migrate", "--verbosity", "0")
    manage("check", "--database", "default", "--fail-level", "WARNING")
    manage("shell", "--command", "from shop.jobs import start; start('table.csv')")
    manage("run_task_manager", "--drain")
    manage("shell", "--command", CHECK)
    if (python, django) in FOLLOW_THE_TUTORIAL:
        empty = folder / "tutorial"
        empty.mkdir()
        page = [str(ROOT / "tests" / "docs" / "page.py"), str(ROOT / "docs" / "tutorial.md")]
        run(sys.executable, *page, cwd=empty, first_on_path=bin)
    return f"Python {python}, Django {django}: {MESSAGE.partition(':')[0]}"


def run(*command: str, cwd: Path | None = None, first_on_path: Path | None = None) -> str:
    """Return what the command prints; fail with all that it said."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    if first_on_path is not None:
        environment["PATH"] = os.pathsep.join([str(first_on_path), environment["PATH"]])
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"$ {' '.join(command)}\n{done.stdout}{done.stderr}", file=sys.stderr)
        done.check_returncode()
    return done.stdout


if __name__ == "__main__":
    main()
