"""The pytest plugin: its fixtures, and a project that has the package installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from django_tasks_poc import EntityWrapper
from django_tasks_poc.models import Task
from django_tasks_poc.testing import assert_succeeded, tree

from ..building import build
from .handlers import FanOut, Poll, Sum

METADATA = """\
Metadata-Version: 2.1
Name: installed-for-a-test
Version: 1
"""
ENTRY = "[pytest11]\ndjango_tasks_poc.testing.plugin = django_tasks_poc.testing.plugin\n"


def test_the_fixture_runs_a_task_and_asks_for_the_database(run_task: Callable[..., Task]) -> None:
    assert_succeeded(run_task(build("Sum", EntityWrapper(FanOut, {"numbers": [1, 2]}), EntityWrapper(Sum))))


def test_the_fixture_runs_what_is_pending(run_pending: Callable[..., int]) -> None:
    build("Poll", EntityWrapper(Poll, {"times": 2}))
    assert run_pending() == 3
    assert tree(Task.objects.get()) == (
        "Poll                 SUCCESS\n└─ 1. Poll(times=2)  SUCCESS  looked 2 times (3 starts, 1 attempt)"
    )


@pytest.mark.django_db(transaction=True)
def test_the_fixture_works_without_a_transaction_too(run_task: Callable[..., Task]) -> None:
    assert_succeeded(run_task(build("Poll", EntityWrapper(Poll, {"times": 0}))))


def run_pytest(folder: Path, test: str, *arguments: str) -> str:
    """Run a test in a project of its own, with the plugin registered as an installed package does it."""
    metadata = folder / "installed_for_a_test-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(METADATA)
    (metadata / "entry_points.txt").write_text(ENTRY)
    (folder / "test_it.py").write_text(test)
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "DJANGO_", "DATABASE_"))
    }
    environment["PYTHONPATH"] = os.pathsep.join([str(folder), str(settings.BASE_DIR)])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, "test_it.py"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.anywhere
def test_the_plugin_does_nothing_where_it_is_not_used(tmp_path: Path) -> None:
    test = """
import sys

def test_nothing_of_the_package_is_loaded():
    mine = {name for name in sys.modules if name.startswith("django_tasks_poc")}
    assert mine == {"django_tasks_poc", "django_tasks_poc.testing", "django_tasks_poc.testing.plugin"}
    assert "django.db" not in sys.modules
"""
    assert "1 passed" in run_pytest(tmp_path, test, "-p", "no:django")


@pytest.mark.anywhere
def test_an_installed_plugin_may_be_named_once_more(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["django_tasks_poc.testing.plugin"]\n')
    test = """
import pytest
from django_tasks_poc import EntityWrapper, TaskBuilder
from django_tasks_poc.testing import assert_failed
from tests.testing.handlers import FanOut, Sum

def test_a_failure_prints_the_tree(run_task):
    builder = TaskBuilder()
    draft = builder.create("Doubles", EntityWrapper(FanOut, {"numbers": [1, -1]}), EntityWrapper(Sum))
    assert_failed(run_task(builder.build(draft)))
"""
    said = run_pytest(tmp_path, test, "--ds", "demo_project.settings")
    assert "1 failed" in said
    assert "AssertionError: “Doubles” is SUCCESS, not ERROR." in said
    assert re.search(r"│     └─ 2\. Batch\(number=-1\) +ERROR +ValueError: -1 is negative", said)
    assert 'raise ValueError(f"{self.number} is negative")' in said
