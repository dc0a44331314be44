"""Every page of the docs does what it says: its blocks are run, in a project made for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sybil.example import SybilFailure

from .page import examples

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECT = Path(__file__).parent / "project"
FROM_NOTHING = {"tutorial"}
PAGES = {page.stem: page for page in sorted((ROOT / "docs").glob("*.md")) if examples(page)}

pytestmark = pytest.mark.anywhere


def run_page(page: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a page in a new project in the folder, as a user would: in a shell, on a database of its own."""
    if page.stem not in FROM_NOTHING:
        shutil.copytree(PROJECT, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment["PYTHONPATH"] = os.pathsep.join([str(folder), str(ROOT)])
    command = [sys.executable, "-m", "tests.docs.page", str(page)]
    return subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


@pytest.mark.parametrize("page", PAGES)
def test_a_page_does_what_it_says(page: str, tmp_path: Path) -> None:
    done = run_page(PAGES[page], tmp_path)
    assert done.returncode == 0, done.stdout


GOOD = """
```python
# shop/jobs.py
from django_tasks_poc import TaskHandlerBase


class Greet(TaskHandlerBase):
    def handle(self, context):
        return self.success("hello")
```

```python
from django_tasks_poc import EntityWrapper, TaskBuilder
from shop.jobs import Greet

builder = TaskBuilder()
task = builder.build(builder.create("Greeting", EntityWrapper(Greet)))
```

<!-- skip: next -->
```shell
exit 1
```

```console
$ python manage.py run_task_manager --drain > log
$ ls manage.py log; echo \\
    one    two
log
...
one two
```

```python
>>> task.refresh_from_db()
>>> task.state
'SUCCESS'
```
"""


def test_the_blocks_of_a_page_work_on_one_project(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(GOOD)
    done = run_page(tmp_path / "page.md", tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("```python\nassert 2 + 2 == 5, 'arithmetic'\n```", "arithmetic"),
        ("```python\n>>> 2 + 2\n5\n```", "Got:\n    4"),
        ("```shell\necho gone\nls nowhere | cat\n```", "exit code 2"),
        ("```console\n$ echo yes\nno\n```", "It printed:\nyes"),
        ("```console\nls\n```", "begin with"),
    ],
)
def test_a_block_that_is_wrong_fails(block: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(block)
    (example,) = examples(tmp_path / "page.md")
    with pytest.raises((AssertionError, SybilFailure), match=told):
        example.evaluate()
