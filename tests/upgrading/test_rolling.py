"""Managers of the version before and of this one run side by side, on tables that are migrated to this one."""

from __future__ import annotations

import importlib
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from django_tasks_poc import EntityWrapper, State
from django_tasks_poc.models import ManagerProcess, StageAttempt, Task, TaskStage

from ..building import build
from ..managers import manager
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
    with manager(project=old, **path_of(old)) as first, manager(**path_of(NEW)) as second:
        for running in (first, second):
            running.wait_until_up()
        splits = [EntityWrapper(jobs.Split, {"batch": batch, "rows": ROWS}) for batch in range(BATCHES)]
        tasks = [build(f"batch {batch}", split, EntityWrapper(jobs.Sum)) for batch, split in enumerate(splits)]
        second.wait_until(lambda: jobs.rows_by(str(NEW)) > 10, "the new version works")
        first.wait_until(lambda: jobs.rows_by(str(old)) > 50, "the old version works")
        assert first.stop() == 0, first.said
        jobs.handed_over().touch()
        second.wait_until(lambda: not Task.objects.filter(active=True).exists(), "the new version does the rest")
        assert second.stop() == 0
        for running in (first, second):
            assert "Traceback" not in running.said
            assert "The database fails" not in running.said

    assert Counter(line["number"] for line in notes("row")) == dict.fromkeys(range(BATCHES * ROWS), 1)
    assert Counter(line["batch"] for line in notes("told")) == dict.fromkeys(range(BATCHES), 1)
    for batch, task in enumerate(tasks):
        task.refresh_from_db()
        first_row = batch * ROWS
        assert (task.state, task.response_value) == (State.SUCCESS, sum(range(first_row, first_row + ROWS)))
    # What the old one had claimed and not started is claimed anew, which spends no attempt.
    assert not TaskStage.objects.exclude(state=State.SUCCESS, attempt=1, lost=0).exists()
    assert not StageAttempt.objects.exists()
    assert ManagerProcess.objects.filter(stopped_at__isnull=False).count() == 2
    assert_consistent()


def path_of(version: Path) -> dict[str, Any]:
    """Return the environment in which that version's package is imported, whichever is installed."""
    return {"PYTHONPATH": os.pathsep.join([str(version), str(SHARED)]), "TESTS_NEW_VERSION": str(NEW)}
