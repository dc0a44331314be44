"""Settling: an end goes up the tree at once, exactly once, to any depth."""

from __future__ import annotations

import json
from typing import Any

import pytest

from django_tasks_poc import State
from django_tasks_poc.models import Kind, TaskStage

from .. import support_storage as act
from ..support_storage import Store, error, fresh, retry, stage, state, states, success


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_the_last_child_lets_every_level_go_on_at_once(store: Store, depth: int) -> None:
    """Given tasks nested to some depth, when the last child ends, then all above end in that transaction."""
    tasks = store.chain(depth, stages=3)
    one, two, three = store.claim_of(tasks[-1])
    assert store.record(success(one), error(two)).ended == []
    assert [state(task) for task in tasks[:-1]] == [State.WAITING] * depth
    recorded = store.record(success(three))
    assert not recorded.unsettled
    assert [task.uuid for task in recorded.ended] == [task.uuid for task in reversed(tasks)]
    assert [state(task) for task in tasks] == [State.SUCCESS] * depth + [State.ERROR]
    assert json.loads(stage(tasks[-2]).response) == {
        "total": 3, "success": 2, "error": 1, "canceled": 0, "skipped": 0,
    }  # fmt: skip


@pytest.mark.parametrize("depth", [1, 3])
def test_a_stop_goes_up_to_the_root(store: Store, depth: int) -> None:
    tasks = store.chain(depth, stages=3, on_error="STOP")
    claims = store.claim_of(tasks[-1], 2)
    store.record(error(claims[0], "no luck"))
    # What was started goes to its end; what was not is cancelled.
    assert states(tasks[-1]) == ["ERROR", "RUNNING", "CANCELED"]
    assert state(tasks[0]) == State.WAITING
    store.record(success(claims[1]))
    # The middle tasks are CONTINUE: they take an ERROR for a failure among others.
    assert state(tasks[-1]) == State.ERROR
    assert states(tasks[-2]) == ["ERROR"]
    assert state(tasks[0]) == (State.ERROR if depth == 1 else State.SUCCESS)


def test_the_parent_goes_on_with_the_next_stage_and_the_counts(store: Store) -> None:
    task = store.root(2)
    (parent,) = store.claim()
    nested = store.wait(parent, 2)
    store.record(*[success(claim) for claim in store.claim_of(nested)])
    (report,) = store.claim_of(task)
    assert report.previous is not None
    assert (report.previous.state, report.previous.nested) == (State.SUCCESS, nested.uuid)
    assert report.previous.message == "2 succeeded"


def test_a_sequential_task_stops_at_its_first_error(store: Store) -> None:
    task = store.root(4)
    (claim,) = store.claim()
    store.record(success(claim, "good", "1"))
    (claim,) = store.claim()
    store.record(error(claim, "bad"))
    row = fresh(task)
    assert (row.state, states(task)) == (State.ERROR, ["SUCCESS", "ERROR", "CANCELED", "CANCELED"])
    # It speaks with the words of its last stage that began.
    assert (row.message, row.response) == ("bad", "")
    assert stage(task, 2).started_at is None


def test_a_task_that_continues_runs_every_stage(store: Store) -> None:
    task = store.root(4, on_error="CONTINUE")
    starts = store.drain(lambda claim: error(claim) if claim.order == 1 else success(claim, "good", f"{claim.order}"))
    row = fresh(task)
    assert len(starts) == 4
    assert (row.state, row.message, row.response) == (State.ERROR, "good", "3")


def test_what_waits_for_a_retry_goes_to_its_end_after_a_stop(store: Store) -> None:
    """Given STOP, when one stage fails while another waits for its retry, then that one is still run."""
    task = store.root(4, parallel=True, on_error="STOP", max_parallel=3)
    one, two, three = store.claim()
    store.record(retry(one, 60))
    nested = store.wait(three, 1)
    store.record(error(two))
    assert states(task) == ["READY", "ERROR", "WAITING", "CANCELED"]
    (inner,) = store.claim()
    assert inner.task == nested.uuid
    store.record(success(inner))
    assert fresh(task).finished_at is None
    act.let_pass(61)
    (again,) = store.claim()
    store.record(success(again))
    assert (state(task), states(task)) == (State.ERROR, ["SUCCESS", "ERROR", "SUCCESS", "CANCELED"])


@pytest.mark.parametrize(
    ("limit", "runs"),
    [(None, 10), (0, 1), (2, 3), (9, 10), (10, 10), ("50%", 6), ("0%", 1), ("29%", 3), ("100%", 10), ("99.9%", 10)],
)
def test_more_failures_than_allowed_are_a_stop(store: Store, limit: Any, runs: int) -> None:
    """Given ten stages all of which fail, then ``runs`` of them are run, one at a time."""
    task = store.root(10, parallel=True, max_parallel=1, on_error="CONTINUE", max_failures=limit)
    assert len(store.drain(error)) == runs
    row = fresh(task)
    assert (row.state, row.error_count, row.canceled_count) == (State.ERROR, runs, 10 - runs)


def test_a_share_of_failures_is_of_the_total_to_the_row(store: Store) -> None:
    """2.3 % of 1,000 stages are 23, whatever binary fractions make of it."""
    assert store.root(1000, parallel=True, on_error="CONTINUE", max_failures="2.3%").max_failures == 23


def test_too_many_failures_of_a_nested_task_fail_the_stage_that_waits(store: Store) -> None:
    store.root(1)
    (parent,) = store.claim()
    store.wait(parent, 4, max_failures="25%", max_parallel=1)
    store.drain(error)
    row = store.stage_query.get(parent.stage)
    assert (row.state, row.task.state) == (State.ERROR, State.ERROR)
    assert row.error_message == "2 failed, 2 canceled"


@pytest.mark.parametrize(("on_error", "ends"), [("STOP", State.CANCELED), ("CONTINUE", State.ERROR)])
def test_a_nested_task_that_is_cancelled_cancels_the_stage_that_waits(store: Store, on_error: str, ends: str) -> None:
    task = store.root(2, on_error=on_error)
    (parent,) = store.claim()
    nested = store.wait(parent, 3)
    nested.cancel()
    assert stage(task).state == State.CANCELED
    store.drain()
    assert state(task) == ends
    assert states(task) == ["CANCELED", "CANCELED" if on_error == "STOP" else "SUCCESS"]


def test_an_empty_fan_out_ends_at_once(store: Store) -> None:
    task = store.root(2)
    (parent,) = store.claim()
    nested = store.promise(parent, 0, with_finally=True)
    recorded = store.record(act.waits(parent, nested))
    assert [row.uuid for row in recorded.ended] == [nested.uuid]
    assert (state(nested), fresh(nested).message) == (State.SUCCESS, "no stages")
    assert states(task) == ["SUCCESS", "READY"]
    assert state(task) == State.RUNNING
    starts = store.drain()
    assert {claim.task for claim in starts} == {task.uuid, nested.uuid}


def test_an_empty_fan_out_of_the_last_stage_ends_the_task(store: Store) -> None:
    task = store.root(1)
    (parent,) = store.claim()
    recorded = store.record(act.waits(parent, store.promise(parent, 0)))
    assert [row.depth for row in recorded.ended] == [1, 0]
    assert state(task) == State.SUCCESS


def test_a_parallel_task_says_how_its_stages_ended(store: Store) -> None:
    task = store.root(4, parallel=True, on_error="CONTINUE")
    store.drain(lambda claim: (success, success, act.skip, error)[claim.order](claim))
    row = fresh(task)
    assert (row.message, row.response) == ("2 succeeded, 1 skipped, 1 failed", "")


def test_a_sequential_task_answers_with_its_last_stage(store: Store) -> None:
    task = store.root(2)
    store.drain(lambda claim: success(claim, f"stage {claim.order}", f"[{claim.order}]"))
    row = fresh(task)
    assert (row.message, row.response_value) == ("stage 1", [1])


@pytest.mark.parametrize("end", ["success", "error", "cancel"])
def test_a_finally_is_stored_when_its_task_ends_and_is_in_no_total(store: Store, end: str) -> None:
    task = store.root(2, parallel=True, with_finally=True, on_error="CONTINUE")
    claims = store.claim()
    assert not TaskStage.objects.filter(kind=Kind.FINALLY).exists()
    if end == "cancel":
        task.cancel()
        store.record(act.stopped(claims[0]))
        assert not TaskStage.objects.filter(kind=Kind.FINALLY).exists()
        store.record(act.stopped(claims[1]))
    else:
        store.record(success(claims[0]), getattr(act, end)(claims[1]))
    ended = fresh(task)
    row = TaskStage.objects.get(kind=Kind.FINALLY)
    assert (row.task_id, row.order, row.state, row.handler) == (task.uuid, 2, State.READY, "tests.handlers.Goodbye")
    assert (ended.total_count, ended.open_count, ended.running_count, ended.active) == (2, 0, 0, True)
    (claim,) = store.claim()
    assert fresh(task).running_count == 0
    # When it fails, then it is run again, and its failure changes nothing of its task.
    store.record(retry(claim, 5))
    act.let_pass(6)
    (claim,) = store.claim()
    store.record(error(claim))
    after = fresh(task)
    assert (after.state, after.message, after.finished_at, after.error_count, after.active) == (
        ended.state, ended.message, ended.finished_at, ended.error_count, False,
    )  # fmt: skip
    assert store.stage_query.count(task.uuid, State) == 2
    assert store.task_query.is_drained()


def test_the_parent_does_not_wait_for_the_finally_of_its_nested_task(store: Store) -> None:
    task = store.root(2)
    (parent,) = store.claim()
    nested = store.wait(parent, 1, with_finally=True)
    (inner,) = store.claim()
    store.record(success(inner))
    assert {claim.task for claim in store.claim()} == {task.uuid, nested.uuid}


def test_a_task_has_ended_only_when_nothing_below_it_is_open(store: Store) -> None:
    """Given a cancelled tree with one process at work at the bottom, then nothing of the way up has ended yet."""
    tasks = store.chain(3, stages=2)
    (inner,) = store.claim_of(tasks[-1], 1)
    tasks[0].cancel()
    assert {state(task) for task in tasks} == {State.CANCELED}
    assert [fresh(task).finished_at for task in tasks] == [None] * 4
    recorded = store.record(success(inner))
    assert [row.uuid for row in recorded.ended] == [task.uuid for task in reversed(tasks)]


def test_a_paused_task_records_and_is_settled_by_the_resume(store: Store) -> None:
    tasks = store.chain(2, stages=1, with_finally=True)
    (inner,) = store.claim()
    tasks[0].pause()
    assert store.record(success(inner)).ended == []
    assert states(tasks[-1]) == ["SUCCESS"]
    assert {state(task) for task in tasks} == {State.PAUSED}
    tasks[0].resume()
    assert {state(task) for task in tasks} == {State.SUCCESS}


def test_ends_of_many_trees_in_one_batch_are_settled_together(store: Store) -> None:
    roots = [store.root(1) for _ in range(5)]
    nested = [store.wait(claim, 2) for claim in store.claim()]
    ended = store.record(*[success(claim) for claim in store.claim()]).ended
    assert {task.uuid for task in ended} == {task.uuid for task in roots + nested}
