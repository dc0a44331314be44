"""TaskViewer: what it says of a task at each step, and in how many queries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_tasks_poc import EntityWrapper, State, TaskBuilder, TaskViewer
from django_tasks_poc.exceptions import TaskNotFound
from django_tasks_poc.models import Task, TaskStage
from django_tasks_poc.testing import run_pending
from django_tasks_poc.viewer import Progress, TaskView

from .handlers_admin import FanOut, Say
from .support_rows import add_stages
from .support_storage import Store, success, waits

pytestmark = pytest.mark.django_db

UNKNOWN = UUID("01900000-0000-7000-8000-000000000000")


def view_of(task: Task) -> TaskView:
    return TaskViewer().get(task.uuid)


def queries_for(task: Task) -> int:
    with CaptureQueriesContext(connection) as queries:
        view_of(task)
    return len(queries)


def tell_progress(store: Store, claim: Any, text: str) -> None:
    store.stage_command.progress({claim.stage: (claim.token, text)})


def test_a_task_is_seen_from_its_build_to_its_end() -> None:
    builder = TaskBuilder()
    stages = (EntityWrapper(FanOut, {"good": 3, "bad": 1}), EntityWrapper(Say, {"message": "all told"}))
    task = builder.build(builder.create("Import", *stages, created_by="ann"))
    before = view_of(task)
    assert (before.title, before.state, before.created_by, before.node) == ("Import", State.READY, "ann", "default")
    assert (before.fraction, before.duration, before.started_at, before.nested, before.current) == (
        0,
        None,
        None,
        (),
        (),
    )
    assert (before.metrics.count, before.metrics.ready, before.metrics.finished) == (2, 2, 0)

    run_pending()
    after = view_of(task)
    assert (after.state, after.message, after.fraction, after.current) == (State.SUCCESS, "all told", 1, ())
    assert after.started_at is not None
    assert after.finished_at is not None
    assert after.duration == (after.finished_at - after.started_at).total_seconds()
    (rows,) = after.nested
    assert (rows.title, rows.state, rows.metrics.success, rows.metrics.failed) == ("Rows", State.ERROR, 3, 1)
    assert rows.fraction == 1


def test_a_running_stage_tells_how_far_it_is_and_its_task_is_as_far() -> None:
    store = Store()
    task = store.root(2)
    (claim,) = store.claim()
    assert view_of(task).current[0].progress is None
    tell_progress(store, claim, '[25,100,"rows"]')
    view = view_of(task)
    (stage,) = view.current
    assert (stage.order, stage.state, stage.attempt, stage.handler) == (0, State.RUNNING, 1, "tests.handlers.Noop")
    assert (stage.progress, stage.fraction) == (Progress(25, 100, "rows"), 0.25)
    assert (view.state, view.fraction) == (State.RUNNING, 0.125)
    store.record(success(claim))
    assert (view_of(task).current, view_of(task).fraction) == ((), 0.5)


@pytest.mark.parametrize(
    ("text", "fraction"),
    [('[150,100,"x"]', 1), ('[-5,100,"x"]', 0), ('[5,0,"x"]', 0), ("[1", 0), ('{"a":1}', 0), ("", 0)],
)
def test_progress_that_makes_no_sense_does_no_harm(text: str, fraction: float) -> None:
    store = Store()
    task = store.root(1)
    (claim,) = store.claim()
    tell_progress(store, claim, text)
    assert view_of(task).fraction == fraction


def test_a_waiting_stage_is_as_far_as_the_nested_task_that_it_built_last() -> None:
    """Given a stage that built twice, because its first start was lost, then the second nested task counts."""
    store = Store()
    task = store.root(1)
    (claim,) = store.claim()
    lost = store.promise(claim, 4)
    Task.objects.filter(uuid=lost.uuid).update(state=State.CANCELED, open_count=0, canceled_count=4)
    nested = store.promise(claim, 4)
    store.record(waits(claim, nested))
    store.record(success(store.claim(1)[0]))
    view = view_of(task)
    assert [row.uuid for row in view.nested] == [lost.uuid, nested.uuid]
    assert [stage.state for stage in view.current] == [State.WAITING]
    assert (view.current[0].fraction, view.fraction, view.nested[-1].fraction) == (0.25, 0.25, 0.25)


def test_a_nested_task_that_is_only_promised_is_not_there_yet() -> None:
    store = Store()
    task = store.root(1)
    (claim,) = store.claim()
    store.promise(claim, 4)
    assert view_of(task).nested == ()


def test_the_number_of_queries_does_not_grow() -> None:
    """Given one and 500 stages at work that each wait for a nested task, then a view costs three queries."""
    store = Store()
    costs = []
    for size in (1, 500):
        task = store.root(size, parallel=True)
        claims = store.claim(1000)
        store.record(*[waits(claim, store.promise(claim, 1)) for claim in claims])
        assert Task.objects.filter(parent_stage__task=task).count() == len(claims) == size
        costs.append(queries_for(task))
        view = view_of(task)
        assert (view.metrics.waiting, len(view.nested), len(view.current)) == (size, min(size, 100), min(size, 100))
        task.cancel()
    assert costs == [3, 3]


def test_the_number_of_queries_does_not_grow_with_the_stages_of_a_nested_task() -> None:
    store = Store()
    task = store.root(1)
    (claim,) = store.claim()
    nested = store.wait(claim, 1)
    few = queries_for(task)
    add_stages(nested, 499, state=State.SUCCESS, finished_at=timezone.now())
    assert queries_for(task) == few == 3
    assert view_of(task).fraction == 499 / 500


def test_the_newest_nested_tasks_are_shown_the_oldest_of_them_first() -> None:
    store = Store()
    task = store.root(120, parallel=True)
    for number, claim in enumerate(store.claim(120)):
        store.record(waits(claim, store.promise(claim, 1, title=f"nested {number}")))
    assert [row.title for row in view_of(task).nested] == [f"nested {number}" for number in range(20, 120)]


def test_a_finally_stage_is_no_part_of_the_work() -> None:
    store = Store()
    task = store.root(1, with_finally=True)
    store.record(success(*store.claim()))
    (goodbye,) = store.claim()
    assert TaskStage.objects.get(uuid=goodbye.stage).state == State.RUNNING
    view = view_of(task)
    assert (view.current, view.fraction, view.metrics.count) == ((), 1, 1)


def test_an_open_task_has_lasted_until_now() -> None:
    store = Store()
    task = store.root(1)
    store.claim()
    Task.objects.filter(uuid=task.uuid).update(started_at=timezone.now() - timedelta(seconds=90))
    assert 90 <= (view_of(task).duration or 0) < 120
    Task.objects.filter(uuid=task.uuid).update(started_at=timezone.now() + timedelta(seconds=90))
    assert view_of(task).duration == 0  # the clocks of two hosts differ


def test_a_view_is_json_as_it_is() -> None:
    store = Store()
    task = store.root(1)
    (claim,) = store.claim()
    tell_progress(store, claim, '[1,4,"rows"]')
    view = view_of(task)
    assert msgspec.json.decode(msgspec.json.encode(view), type=TaskView) == view


@pytest.mark.parametrize("key", [UNKNOWN, str(UNKNOWN), "no uuid", "", "\0"])
def test_an_unknown_task_is_not_found(key: Any) -> None:
    with pytest.raises(TaskNotFound, match="on node default"):
        TaskViewer().get(key)


def test_a_task_of_another_node_is_not_found() -> None:
    task = Store().root(1)
    Task.objects.filter(uuid=task.uuid).update(node="elsewhere")
    with pytest.raises(TaskNotFound):
        TaskViewer().get(task.uuid)
