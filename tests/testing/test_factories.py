"""The factories: any state, and rows that hold together."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from django_tasks_poc import State
from django_tasks_poc.models import ManagerProcess, Task
from django_tasks_poc.testing import assert_failed, assert_succeeded, run_pending, run_task, tree

from ..storage.consistency import assert_consistent
from .handlers import Batch

pytest.importorskip("factory")
from django_tasks_poc.testing.factories import StageFactory, TaskFactory

pytestmark = pytest.mark.django_db(databases=["default", "odd"])

TASK_STATES = ["READY", "RUNNING", "WAITING", "PAUSED", "SUCCESS", "ERROR", "CANCELED"]


@pytest.fixture(autouse=True)
def _held_to_the_rules(db: None) -> Iterator[None]:
    yield
    assert_consistent()
    assert not ManagerProcess.objects.exists()


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("stages", [1, 3])
@pytest.mark.parametrize("state", TASK_STATES)
def test_a_task_can_be_in_any_state(state: str, stages: int, parallel: bool) -> None:
    task = TaskFactory(state=state, stages=stages, parallel=parallel)
    assert (task.state, task.total_count) == (state, stages)
    assert_consistent()


def test_an_ended_task_says_what_it_was_told() -> None:
    task = TaskFactory(title="Import", state="SUCCESS", message="10 rows", response={"rows": 10}, stages=2)
    assert_succeeded(task)
    assert (task.title, task.message, task.response_value) == ("Import", "10 rows", {"rows": 10})
    assert_failed(TaskFactory(state="ERROR", message="no such file"), "no such file")


def test_stages_may_be_told_one_by_one() -> None:
    batch: dict[str, Any] = {"handler": Batch, "params": {"number": 1}}
    task = TaskFactory(
        title="Import",
        stages=[
            {"state": "SUCCESS", "message": "split"},
            {
                "nested": {
                    "title": "Rows",
                    "stages": [
                        {**batch, "state": "SUCCESS", "response": 2},
                        {**batch, "state": "ERROR", "message": "no"},
                        {**batch, "state": "RUNNING", "progress": (1, 2, "half")},
                        batch,
                    ],
                }
            },
            {},
        ],
    )
    assert task.state == State.WAITING
    assert [" ".join(line.split()) for line in tree(task).splitlines()] == [
        "Import WAITING",
        "├─ 1. Step SUCCESS split",
        "├─ 2. Step WAITING",
        "│ └─ Rows RUNNING",
        "│ ├─ 1. Batch(number=1) SUCCESS → 2",
        "│ ├─ 2. Batch(number=1) ERROR no",
        "│ │ └─ attempt 1 error",
        "│ ├─ 3. Batch(number=1) RUNNING",
        "│ └─ 4. Batch(number=1) READY",
        "└─ 3. Step READY",
    ]


def test_a_nested_task_that_has_ended_is_joined() -> None:
    task = TaskFactory(stages=[{"nested": {"stages": [{"state": "SUCCESS"}, {"state": "ERROR"}]}}])
    assert_succeeded(task)
    assert task.message == "1 succeeded, 1 failed"


def test_what_was_made_goes_on_like_what_was_built() -> None:
    task = TaskFactory(stages=[{"state": "SUCCESS"}, {"handler": Batch, "params": {"number": 4}}])
    assert run_task(task).response_value == 8
    assert TaskFactory(state="READY", node="odd").node == "odd"
    assert run_pending("odd") == 1


def test_a_stage_has_a_task_of_its_own() -> None:
    stage = StageFactory(handler=Batch, params={"number": 1}, state="ERROR", message="no", task__title="Import")
    assert (stage.state, stage.message, stage.task.title) == ("ERROR", "no", "Import")
    assert stage.task.state == State.ERROR
    assert StageFactory(state="RUNNING", progress=(1, 2, "")).progress == '[1,2,""]'
    assert len(StageFactory.create_batch(3)) == 3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TaskFactory(state="PROMISED"), "cannot be made 'PROMISED'"),
        (lambda: TaskFactory(stages=[{"state": "WAITING"}]), "cannot be made 'WAITING'.* nested="),
        (lambda: TaskFactory(stages=[{}], state="ERROR"), "not both"),
        (lambda: StageFactory(task=TaskFactory(), state="ERROR"), "TaskFactory"),
        (lambda: TaskFactory.build(), "use create"),
        (lambda: StageFactory.build(task=None), "use create"),
    ],
)
def test_what_cannot_be_made_is_refused(make: Any, words: str) -> None:
    with pytest.raises((ValueError, NotImplementedError), match=words):
        make()


@pytest.mark.anywhere
def test_the_rest_of_the_package_needs_no_factory_boy() -> None:
    code = (
        "import sys, django; sys.modules['factory'] = None; django.setup(); import django_tasks_poc.testing as t;"
        "[getattr(t, name) for name in t.__all__]; import django_tasks_poc.testing.plugin"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "demo_project.settings", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert Task.objects.count() == 0
