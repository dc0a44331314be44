"""Managers of the version before and of this one run side by side, on tables that are migrated to this one."""

from __future__ import annotations

import importlib
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from django_tasks_poc import EntityWrapper, State
from django_tasks_poc.models import ManagerProcess, StageAttempt, Task, TaskStage

from ..building import build
from ..managers import Manager, manager
from ..process.witness import VARIABLE, notes
from ..storage.consistency import assert_consistent
from . import before

pytestmark = pytest.mark.django_db(transaction=True)

SHARED = Path(__file__).parent / "shared"
NEW = before.ROOT
BATCHES, ROWS = 10, 30


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the version before."""
    return before.unpack(before.revision(), tmp_path_factory.mktemp("before"))


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module of stages, which is imported from no package."""
    monkeypatch.syspath_prepend(str(SHARED))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "witness"))
    return importlib.import_module("rolling_jobs")


def test_a_version_takes_over_from_the_one_before(old: Path, jobs: Any) -> None:
    """Given 300 stages, when the old manager works, the new one joins it and the old one stops, all end once."""
    with side_by_side(old, jobs) as (first, second, tasks):
        assert first.stop() == 0, first.said
        finish(first, second, jobs)
    assert Counter(line["number"] for line in notes("row")) == dict.fromkeys(range(BATCHES * ROWS), 1)
    assert Counter(line["batch"] for line in notes("told")) == dict.fromkeys(range(BATCHES), 1)
    # What the old one had claimed and not started is claimed anew, which spends no attempt.
    assert not TaskStage.objects.exclude(state=State.SUCCESS, attempt=1, lost=0).exists()
    assert not StageAttempt.objects.exists()
    assert_ended(tasks)


@pytest.mark.slow
def test_a_version_takes_up_what_a_killed_one_before_has_left(old: Path, jobs: Any) -> None:
    """Given 300 stages, when the old manager is killed, the new one runs anew what that one ran, and each ends once."""
    with side_by_side(old, jobs) as (first, second, tasks):
        first.signal(signal.SIGKILL)
        first.ended()
        finish(first, second, jobs)
    assert set(StageAttempt.objects.values_list("outcome", flat=True)) <= {"lost"}
    assert {line["number"] for line in notes("row")} == set(range(BATCHES * ROWS))
    assert_ended(tasks)


@pytest.mark.parametrize("executor", ["prefork", pytest.param("subprocess", marks=pytest.mark.slow)])
def test_a_manager_goes_on_with_processes_of_the_next_version(old: Path, jobs: Any, executor: str) -> None:
    """Given files that were replaced under a manager, then its stages speak the next version's messages."""
    task = build("batch", EntityWrapper(jobs.Split, {"batch": 0, "rows": 2}), EntityWrapper(jobs.Sum))
    options = ("--executor", executor, "--bindir", str(NEW), "--handler", "manage.py")
    with manager("--drain", *options, project=old, **path_of(old)) as running:
        assert running.ended() == 0, running.said
    task.refresh_from_db()
    assert (task.state, task.response_value) == (State.SUCCESS, sum(range(2)))
    assert {line["root"] for line in notes()} == {str(NEW)}
    assert len(notes("told")) == 1
    assert_consistent()


@contextmanager
def side_by_side(old: Path, jobs: Any) -> Iterator[tuple[Manager, Manager, list[Task]]]:
    """Have a manager of each version work on 300 stages, so that much is left to do."""
    with manager(project=old, **path_of(old)) as first, manager(**path_of(NEW)) as second:
        for running in (first, second):
            running.wait_until_up()
        splits = [EntityWrapper(jobs.Split, {"batch": batch, "rows": ROWS}) for batch in range(BATCHES)]
        tasks = [build(f"batch {batch}", split, EntityWrapper(jobs.Sum)) for batch, split in enumerate(splits)]
        second.wait_until(lambda: jobs.rows_by(str(NEW)) > 10, "the new version works")
        first.wait_until(lambda: jobs.rows_by(str(old)) > 50, "the old version works")
        yield first, second, tasks


def finish(first: Manager, second: Manager, jobs: Any) -> None:
    """Let the new version do the rest, now that the old one is gone."""
    jobs.handed_over().touch()
    second.wait_until(lambda: not Task.objects.filter(active=True).exists(), "the new version does the rest")
    assert second.stop() == 0
    for running in (first, second):
        assert "Traceback" not in running.said
        assert "The database fails" not in running.said


def assert_ended(tasks: list[Task]) -> None:
    """Hold each task and its result to one end."""
    for batch, task in enumerate(tasks):
        task.refresh_from_db()
        first = batch * ROWS
        assert (task.state, task.response_value) == (State.SUCCESS, sum(range(first, first + ROWS)))
    assert not TaskStage.objects.exclude(state=State.SUCCESS).exists()
    assert ManagerProcess.objects.filter(stopped_at__isnull=False).count() == 2
    assert_consistent()


def path_of(version: Path) -> dict[str, Any]:
    """Return the environment in which that version's package is imported, whichever is installed."""
    return {"PYTHONPATH": os.pathsep.join([str(version), str(SHARED)]), "TESTS_NEW_VERSION": str(NEW)}
