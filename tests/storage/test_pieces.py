"""Work in pieces: more than a thousand stages that will not begin are closed by the manager, bit by bit."""

from __future__ import annotations

import pytest

from django_tasks_poc import State
from django_tasks_poc.storage.values import Recorded

from .. import support_storage as act
from ..support_storage import Store, error, fresh, let_pass, retry, stage, state, success
from .consistency import assert_consistent


def test_a_stop_of_a_large_task_is_closed_in_pieces(store: Store) -> None:
    """Given 2,500 stages that will not begin, then a piece closes 1,000 at the most and the last ends the task."""
    task = store.root(2501, with_finally=True)
    (claim,) = store.claim()
    recorded = store.record(error(claim, "no luck"))
    assert (recorded.unsettled, recorded.ended) == (True, [])
    assert fresh(task).canceled_count == 0
    closed = []
    ended = []
    while (recorded := store.task_command.settle(1000)).unsettled:
        assert_consistent()
        closed.append(fresh(task).canceled_count)
        ended += [row.uuid for row in recorded.ended]
    assert closed == [1000, 2000, 2500]
    row = fresh(task)
    assert (row.state, row.message, ended) == (State.ERROR, "no luck", [task.uuid])
    (last,) = store.claim()
    assert last.is_finally


def test_nothing_begins_while_a_task_is_being_closed(store: Store) -> None:
    task = store.root(3000, parallel=True, on_error="STOP", max_parallel=2)
    one, two = store.claim()
    store.record(error(one))
    assert fresh(task).closing
    assert store.claim() == []
    store.task_command.settle(500)
    assert store.claim() == []
    store.record(success(two))
    assert store.claim() == []
    assert store.settle(1000) == 3
    assert (state(task), fresh(task).canceled_count) == (State.ERROR, 2998)


def test_what_began_once_goes_to_its_end_while_the_others_are_closed(store: Store) -> None:
    """Given a stage that waits for its retry in a task that is being closed, then it is run, whenever it is due."""
    task = store.root(3000, parallel=True, on_error="STOP", max_parallel=2)
    one, two = store.claim()
    store.record(retry(one))
    (three,) = store.claim_of(task, 1)
    assert three.stage == one.stage
    store.record(retry(three, 60))
    (other,) = store.claim()
    store.record(error(two), success(other))
    assert_consistent()
    let_pass(61)
    (again,) = store.claim()
    assert again.stage == one.stage
    store.record(success(again))
    store.settle()
    assert (state(task), fresh(task).success_count, fresh(task).canceled_count) == (State.ERROR, 2, 2997)


def test_a_stage_that_came_back_without_a_place_is_run_when_one_is_free(store: Store) -> None:
    """Given max_parallel=2, full, and a third stage that came back, when one of the two fails, then the third runs."""
    task = store.root(3000, parallel=True, on_error="STOP", max_parallel=2)
    one, two = store.claim()
    store.record(retry(one, 60))
    (three,) = store.claim()
    let_pass(61)
    assert store.claim() == []
    store.record(error(two))
    (again,) = store.claim()
    assert again.stage == one.stage
    store.record(success(again), success(three))
    store.settle()
    assert state(task) == State.ERROR


def test_a_cancel_of_a_large_tree_is_closed_in_pieces(store: Store) -> None:
    tasks = store.chain(2, stages=2500)
    (inner,) = store.claim(1)
    result = tasks[0].cancel()
    assert (result.tasks, result.stages, result.processes) == (3, 2499, 1)
    assert fresh(tasks[-1]).canceled_count == 0
    store.settle(1000)
    assert fresh(tasks[-1]).canceled_count == 2499
    assert [fresh(task).finished_at for task in tasks] == [None] * 3
    store.record(act.stopped(inner))
    assert all(fresh(task).finished_at for task in tasks)


def test_a_nested_task_that_is_closed_in_pieces_lets_its_parent_go_on_once(store: Store) -> None:
    task = store.root(2, on_error="CONTINUE")
    (parent,) = store.claim()
    nested = store.wait(parent, 2500, on_error="STOP")
    store.record(error(*store.claim(1)))
    assert store.claim() == []
    ended = []
    while (recorded := store.task_command.settle(1000)).unsettled:
        ended += [row.uuid for row in recorded.ended]
    assert ended == [nested.uuid]
    assert stage(task).state == State.ERROR
    assert [claim.order for claim in store.claim()] == [1]


@pytest.mark.parametrize("count", [1000, 1001])
def test_few_are_closed_in_the_transaction_that_stops_their_task(store: Store, count: int) -> None:
    task = store.root(count + 1)
    recorded = store.record(error(*store.claim()))
    assert (fresh(task).finished_at is None) == (count > 1000) == recorded.unsettled
    store.settle()
    assert fresh(task).canceled_count == count


def test_many_small_tasks_are_closed_in_pieces_too(store: Store) -> None:
    """Given a tree of forty tasks of a hundred stages each, then its cancel does not close 4,000 in one transaction."""
    root = store.root(40, parallel=True)
    nested = [store.wait(claim, 100) for claim in store.claim_of(root)]
    root.cancel()
    assert sum(fresh(task).canceled_count for task in nested) <= 1000
    assert {state(task) for task in nested} == {State.CANCELED}
    store.settle()
    assert fresh(root).finished_at is not None


def test_several_large_tasks_are_closed_one_after_another(store: Store) -> None:
    tasks = [store.root(1500) for _ in range(3)]
    for task in tasks:
        task.cancel()
    assert store.settle(1000) == 6
    assert all(fresh(task).finished_at for task in tasks)


def test_a_large_task_that_is_paused_ends_with_the_resume(store: Store) -> None:
    task = store.root(2000)
    (claim,) = store.claim()
    task.pause()
    store.record(error(claim))
    store.settle()
    assert state(task) == State.PAUSED
    task.resume()
    store.settle()
    assert (state(task), fresh(task).canceled_count) == (State.ERROR, 1999)


def test_nothing_to_settle_says_so(store: Store) -> None:
    store.root(1)
    assert store.task_command.settle(10) == Recorded()
