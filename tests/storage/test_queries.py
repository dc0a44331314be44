"""Reading: pages of stages, counts, what is due next, and whether anything is left to be done."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from django_tasks_poc import State
from django_tasks_poc.exceptions import TaskNotFound
from django_tasks_poc.models import Task
from django_tasks_poc.node import nodes
from django_tasks_poc.processing import Processing
from django_tasks_poc.states import FAILED, OPEN
from django_tasks_poc.storage.values import TaskCounts

from .. import support_storage as act
from ..support_storage import Store, error, fresh, later, let_pass, stage, success

SUCCESS = {State.SUCCESS}


def ended_by_thirds(store: Store, stages: int) -> Task:
    """Return a task whose stages 0, 3, 6… succeeded, 1, 4, 7… failed and 2, 5, 8… were skipped."""
    task = store.root(stages, parallel=True, on_error="CONTINUE", with_finally=True)
    store.drain(lambda claim: (success, error, act.skip)[claim.order % 3](claim))
    return task


def test_stages_are_counted_by_state_and_the_finally_never(store: Store) -> None:
    task = ended_by_thirds(store, 10)
    count = store.stage_query.count
    assert (count(task.uuid, State), count(task.uuid, SUCCESS), count(task.uuid, FAILED)) == (10, 4, 3)
    assert (count(task.uuid, OPEN), count(task.uuid, [])) == (0, 0)


def test_pages_go_through_all_stages_in_order(store: Store) -> None:
    task = ended_by_thirds(store, 10)
    page = store.stage_query.page
    assert [row.order for row in page(task.uuid, State)] == list(range(10))
    assert [row.order for row in page(task.uuid, SUCCESS, limit=3)] == [0, 3, 6]
    assert [row.order for row in page(task.uuid, SUCCESS, after=6, limit=3)] == [9]
    assert page(task.uuid, SUCCESS, after=9) == []
    assert [row.order for row in page(task.uuid, FAILED, after=1)] == [4, 7]


def test_a_stage_is_found_by_its_place_among_some(store: Store) -> None:
    task = ended_by_thirds(store, 10)
    at = store.stage_query.at
    assert [at(task.uuid, FAILED, index).order for index in range(3)] == [1, 4, 7]
    assert at(task.uuid, State, 9).order == 9
    for states, index in ((FAILED, 3), (State, 10), ([], 0)):
        with pytest.raises(IndexError):
            at(task.uuid, states, index)


def test_a_task_that_was_purged_before_its_end_is_heard_of_is_left_out(store: Store) -> None:
    """Given news of tasks that ended, of which some are purged or being purged, then the others are read, in order."""
    first, purging, last = (store.root(1) for _ in range(3))
    Task.objects.filter(uuid=purging.uuid).update(purging=True)
    processing = Processing(nodes["default"], uuid4())
    assert processing.tasks([last.uuid, uuid4(), purging.uuid, first.uuid]) == [last, first]
    assert processing.tasks([uuid4()]) == []


def test_what_is_not_there_is_not_found(store: Store) -> None:
    task = store.root(1)
    assert store.task_query.get(task.uuid).title == "a task"
    assert store.stage_query.get(stage(task).uuid).task == task
    with pytest.raises(TaskNotFound):
        store.task_query.get(uuid4())
    with pytest.raises(TaskNotFound):
        store.stage_query.get(uuid4())


def test_counts_say_how_far_tasks_are(store: Store) -> None:
    one = store.root(4, parallel=True, on_error="CONTINUE", title="one")
    claims = store.claim(3)
    store.record(success(claims[0]), error(claims[1]), act.stopped(claims[2]))
    two = store.root(2, title="two")
    assert store.task_query.counts_of([two.uuid, one.uuid, uuid4()]) == [
        TaskCounts(one.uuid, "one", 4, 3, 2),
        TaskCounts(two.uuid, "two", 2, 0, 0),
    ]


def test_states_shared_contexts_and_nested_tasks_by_uuid(store: Store) -> None:
    task = store.root(2, parallel=True, shared='{"a": 1}')
    one, two = store.claim()
    nested = store.wait(one, 1)
    store.promise(two, 1)
    query = store.task_query
    assert query.states_of([task.uuid, nested.uuid, uuid4()]) == {
        task.uuid: (State.RUNNING, None), nested.uuid: (State.READY, None),
    }  # fmt: skip
    assert query.shared_of([task.uuid, nested.uuid]) == {task.uuid: '{"a": 1}', nested.uuid: ""}
    assert query.nested_of([one.stage, two.stage]) == {one.stage: nested.uuid}
    store.record(act.later(two))
    store.drain()
    state, ended = query.states_of([nested.uuid])[nested.uuid]
    assert (state, ended) == (State.SUCCESS, fresh(nested).finished_at)
    assert query.nested_of([one.stage]) == {one.stage: nested.uuid}


def test_next_due_is_the_nearest_of_all(store: Store) -> None:
    assert store.task_query.next_due() is None
    store.root(1, delay=300.0)
    other = store.root(2, parallel=True)
    one, two = store.claim()
    store.record(later(one, 200), later(two, 100))
    due = store.task_query.next_due()
    assert due is not None
    assert 95 < due <= 100
    other.cancel()
    due = store.task_query.next_due()
    assert due is not None
    assert 295 < due <= 300


def _ready(store: Store) -> None:
    store.root(1)


def _running(store: Store) -> None:
    store.root(1)
    store.claim()


def _delayed(store: Store) -> None:
    store.root(1, delay=3600.0)


def _retrying(store: Store) -> None:
    store.root(1)
    store.record(later(*store.claim(), 3600))


def _finally_left(store: Store) -> None:
    store.root(1, with_finally=True)
    store.record(success(*store.claim()))


def _closing(store: Store) -> None:
    store.root(1500).cancel()


def _canceled_and_running(store: Store) -> None:
    task = store.root(2)
    store.claim()
    task.cancel()


def _paused_and_running(store: Store) -> None:
    task = store.root(2)
    store.claim()
    task.pause()


def _child_ready(store: Store) -> None:
    store.root(2)
    store.wait(*store.claim(), 2)


def _dead_promise(store: Store) -> None:
    store.root(1)
    (claim,) = store.claim()
    store.promise(claim, 2)
    store.record(success(claim))


def _paused(store: Store) -> None:
    store.root(2).pause()


def _paused_delayed(store: Store) -> None:
    store.root(2, delay=60.0).pause()
    let_pass(61)


def _paused_tree(store: Store) -> None:
    tasks = store.chain(2)
    tasks[-1].pause()


def _ended(store: Store) -> None:
    ended_by_thirds(store, 5)


LEFT = (
    _ready, _running, _delayed, _retrying, _finally_left, _closing, _canceled_and_running, _paused_and_running,
    _child_ready, _dead_promise,
)  # fmt: skip


@pytest.mark.parametrize("situation", LEFT, ids=lambda make: make.__name__.strip("_"))
def test_a_node_is_not_drained_while_something_could_run(store: Store, situation: Callable[[Store], None]) -> None:
    assert store.task_query.is_drained()
    situation(store)
    assert not store.task_query.is_drained()


@pytest.mark.parametrize("situation", [_paused, _paused_delayed, _paused_tree, _ended], ids=lambda make: make.__name__)
def test_what_only_somebodys_act_could_move_holds_no_drain(store: Store, situation: Callable[[Store], None]) -> None:
    situation(store)
    assert store.task_query.is_drained()


def test_a_tree_is_deleted_with_its_root(store: Store) -> None:
    task = store.root(2)
    (outer,) = store.claim()
    store.record(act.waits(outer, store.promise(outer, 2)))
    (inner,) = store.claim(1)
    store.record(act.waits(inner, store.promise(inner, 2)))
    other = store.root(1)
    assert Task.objects.count() == 4
    task.delete()
    assert [row.uuid for row in Task.objects.all()] == [other.uuid]
