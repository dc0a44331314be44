"""Hold the package to its layers: imports go downwards only (read from the AST, also inside functions)."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "django_tasks_poc"
ROOT = Path(__file__).resolve().parent.parent

# Level 0 first. A name is a module or a sub-package of the package, and stands for all that is inside it.
LEVELS = (
    "states outcomes entities serialization conf signals exceptions messages identifiers options draft channels logs"
    " ends words texts masking purging tasks_api storage.loading storage.values",
    "models storage.base migrations",
    "node connections storage.orm router",
    "lifecycle builder handlers results context",
    "processing executors runtime wakeup tree",
    "manager viewer health testing progress",
    "management admin apps checks backend contrib urls templatetags",
)
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names.split()}

# The only imports between two names of one level (level 0 aside). Each goes one way.
SIDEWAYS = {
    ("models", "storage.base"),  # the verbs of Task ask for its node's command
    ("context", "results"),  # context.previous
    ("apps", "checks"),  # registered when the app is ready
}

# django.db at level 0: the enum alone, which needs no models.
ENUM = "django.db.models.TextChoices"

MAX_LINES = 300


def module_of(path: Path) -> str:
    """Return the dotted name inside the package; empty for the package's own __init__."""
    return ".".join(path.relative_to(ROOT / PACKAGE).with_suffix("").parts).removesuffix("__init__").removesuffix(".")


FILES = {str(path.relative_to(ROOT)): path for path in sorted((ROOT / PACKAGE).rglob("*.py"))}
LAYERED = {name: path for name, path in FILES.items() if module_of(path)}


def name_of(module: str) -> str | None:
    """Return the name in LEVELS that a dotted name belongs to."""
    while module not in LEVEL:
        module, dot, _ = module.rpartition(".")
        if not dot:
            return None
    return module


def is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every node that runs: all but the bodies of `if TYPE_CHECKING`."""
    yield node
    typing_only = isinstance(node, ast.If) and is_type_checking(node.test)
    for child in node.orelse if typing_only else ast.iter_child_nodes(node):
        yield from statements(child)


def imports(source: str, package: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the line and the absolute dotted name of everything imported by a module that lies in `package`."""
    for node in statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, node.module] if node.module else base
            yield from ((node.lineno, ".".join([*base, alias.name])) for alias in node.names)


def complaint(importer: str, imported: str) -> str | None:
    """Say why `importer`, a name in LEVELS, may not import this dotted name; None if it may."""
    if imported == "django.db" or imported.startswith("django.db."):
        return None if LEVEL[importer] or imported == ENUM else "level 0 knows no database"
    if imported.split(".")[0] != PACKAGE or imported == f"{PACKAGE}.__version__":
        return None
    name = name_of(imported.removeprefix(PACKAGE).removeprefix("."))
    if name is None:
        return "not in LEVELS of tests/test_layers.py; inside the package import from the module that defines a name"
    if name == importer or LEVEL[name] < LEVEL[importer] or LEVEL[name] == LEVEL[importer] == 0:
        return None
    if LEVEL[name] == LEVEL[importer]:
        return None if (importer, name) in SIDEWAYS else f"{importer} and {name} are siblings of level {LEVEL[name]}"
    return f"{name} (level {LEVEL[name]}) lies above {importer} (level {LEVEL[importer]})"


def complaints(module: str, source: str, *, is_package: bool = False) -> list[str]:
    """List what is wrong with the imports of one module of the package."""
    package = [PACKAGE, *module.split(".")]
    importer = name_of(module)
    if importer is None:
        if is_package and any(name.startswith(f"{module}.") for name in LEVEL):
            importer = next(iter(LEVEL))  # a folder that only holds names of its own: bound like level 0
        else:
            return [f"{module} is new: add it to the row of its level in LEVELS of tests/test_layers.py"]
    found = imports(source, package if is_package else package[:-1])
    return [f"line {line}: {name}: {why}" for line, name in found if (why := complaint(importer, name))]


@pytest.mark.parametrize("file", LAYERED)
def test_imports_go_downwards(file: str) -> None:
    path = LAYERED[file]
    assert complaints(module_of(path), path.read_text(), is_package=path.name == "__init__.py") == []


@pytest.mark.parametrize("file", [file for file in FILES if "/migrations/" not in file])
def test_a_file_is_one_noun_of_bounded_length(file: str) -> None:
    assert len(FILES[file].read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("states", "from django.db import transaction"),
        ("states", "import django.db"),
        ("states", "from .models import Task"),
        ("node", "from .storage.orm import claim"),
        ("node", "from .storage import orm"),
        ("builder", "def build():\n    from .manager import loop"),
        ("builder", "if TYPE_CHECKING:\n    pass\nelse:\n    from . import viewer"),
        ("processing", "from . import runtime"),
        ("executors.prefork", "from ..wakeup.base import Wakeup"),
        ("executors.prefork", "import django_tasks_poc.wakeup"),
        ("manager", "from .viewer import TaskViewer"),
        ("storage.orm.claim", "from ...lifecycle import record"),
        ("storage.base", "from ..models import Task"),
        ("admin.tree", "from django_tasks_poc import TaskBuilder"),
        ("novelty", ""),
        ("storage.novelty", ""),
    ],
)
def test_a_forbidden_import_is_found(module: str, source: str) -> None:
    assert len(complaints(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("states", "from django.db.models import TextChoices"),
        ("entities", "from .exceptions import InvalidDraft"),
        ("models.task", "from ..storage.base import command\nfrom .stage import TaskStage"),
        ("executors.prefork", "from .base import Executor\nfrom ..lifecycle import record"),
        ("node", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .manager import Manager"),
        ("management.commands.handle_stage", "from ...executors import prefork\nfrom ... import manager"),
    ],
)
def test_an_allowed_import_passes(module: str, source: str) -> None:
    assert complaints(module, source) == []


def test_no_file_names_a_place_of_one_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    absolute = re.compile(rb"(?<![\w.])/(?:work|root|home)/")
    files = [path for name in listed.stdout.split("\0") if (path := ROOT / name).is_file()]
    assert files
    assert [str(path.relative_to(ROOT)) for path in files if absolute.search(path.read_bytes())] == []
