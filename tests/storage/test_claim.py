"""Claiming: who may be claimed, in which order within a task, and never twice."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from django.db import connection, transaction
from django.utils import timezone

from django_tasks_poc import State
from django_tasks_poc.exceptions import ManagerLost, TaskBusy
from django_tasks_poc.models import TaskStage
from django_tasks_poc.storage.values import Claim

from ..support_storage import (
    Store,
    error,
    fresh,
    later,
    let_pass,
    pauses,
    retry,
    skip,
    stage,
    state,
    states,
    success,
    waits,
)  # fmt: skip
from ..support_threads import at_once


def test_a_claim_says_all_that_a_process_needs(store: Store) -> None:
    task = store.root(2)
    (claim,) = store.claim()
    row = stage(task)
    assert (claim.task, claim.root, claim.depth, claim.stage, claim.order) == (task.uuid, task.uuid, 0, row.uuid, 0)
    assert (claim.token, claim.attempt, claim.spent, claim.is_finally) == (row.token, 1, 1, False)
    assert (row.state, row.manager, row.attempt, row.start) == (State.RUNNING, store.manager, 1, 1)
    assert (state(task), states(task)) == (State.RUNNING, ["RUNNING", "READY"])
    assert claim.previous is None


def test_a_sequential_task_runs_one_stage_at_a_time_in_order(store: Store) -> None:
    task = store.root(3)
    for order in range(3):
        (claim,) = store.claim()
        assert claim.order == order
        assert store.claim() == []
        store.record(success(claim, f"the end of {order}", f"{order}"))
    assert state(task) == State.SUCCESS
    assert store.claim() == []


def test_a_sequential_stage_sees_the_outcome_before_it(store: Store) -> None:
    store.root(3, on_error="CONTINUE")
    (first,) = store.claim()
    store.record(success(first, "done", "[1]"))
    (second,) = store.claim()
    assert second.previous is not None
    assert (second.previous.stage, second.previous.state) == (first.stage, State.SUCCESS)
    assert (second.previous.message, second.previous.response) == ("done", "[1]")
    store.record(error(second, "no luck"))
    (third,) = store.claim()
    assert third.previous is not None
    assert (third.previous.stage, third.previous.state) == (second.stage, State.ERROR)
    assert third.previous.error_message == "no luck"


def test_a_sequential_task_goes_on_after_a_skip_and_waits_for_a_retry(store: Store) -> None:
    store.root(3)
    (claim,) = store.claim()
    store.record(skip(claim))
    (claim,) = store.claim()
    assert claim.order == 1
    store.record(retry(claim, delay=60))
    assert store.claim() == []
    let_pass(61)
    (claim,) = store.claim()
    assert (claim.order, claim.attempt) == (1, 2)


def test_a_parallel_task_gives_all_at_once_without_previous(store: Store) -> None:
    task = store.root(5, parallel=True)
    claims = store.claim(3) + store.claim(10)
    assert [claim.order for claim in claims] == [0, 1, 2, 3, 4]
    assert all(claim.previous is None for claim in claims)
    assert fresh(task).running_count == 5


def test_a_claim_takes_no_more_than_it_was_asked_for(store: Store) -> None:
    """Given stages that came back and others never begun, then both together stay within the limit."""
    store.root(9, parallel=True)
    first = store.claim(3)
    store.record(*[later(claim) for claim in first])
    assert len(store.claim(4)) == 4
    assert len(store.claim(100)) == 5


def test_max_parallel_counts_running_and_waiting_stages(store: Store) -> None:
    task = store.root(6, parallel=True, max_parallel=3)
    one, two, three = store.claim()
    assert store.claim() == []
    nested = store.wait(one, 1)
    # The nested task has a limit of its own.
    (inner,) = store.claim()
    assert inner.task == nested.uuid
    store.record(success(two))
    assert len(store.claim_of(task)) == 1
    store.record(success(inner))
    assert len(store.claim_of(task)) == 1
    store.record(success(three))
    assert len(store.claim_of(task)) == 1


def test_max_parallel_holds_for_stages_that_came_back(store: Store) -> None:
    task = store.root(6, parallel=True, max_parallel=2)
    store.record(*[later(claim) for claim in store.claim()])
    assert len(store.claim()) == 2
    assert fresh(task).running_count == 2


@pytest.mark.parametrize("back", [retry, later])
def test_a_stage_that_is_due_later_leaves_its_place_to_others(store: Store, back: object) -> None:
    """Given max_parallel=1 and a stage that is due in a minute, then the others do not wait for that minute."""
    store.root(3, parallel=True, max_parallel=1)
    (first,) = store.claim()
    store.record(back(first, delay=60))  # type: ignore[operator]
    (second,) = store.claim()
    assert second.order == 1
    store.record(success(second))
    (third,) = store.claim()
    assert third.order == 2
    store.record(success(third))
    assert store.claim() == []
    let_pass(61)
    assert [claim.order for claim in store.claim()] == [0]


def test_a_stage_is_claimed_when_it_is_due(store: Store) -> None:
    store.root(4, parallel=True)
    claims = store.claim()
    store.record(*[later(claim, delay=10 * (claim.order + 1)) for claim in claims])
    assert store.claim() == []
    due = store.task_query.next_due()
    assert due is not None
    assert 9 < due <= 10
    for order in range(4):
        let_pass(10)
        assert [claim.order for claim in store.claim()] == [order]
    assert store.task_query.next_due() is None


def test_a_delayed_task_starts_when_it_is_due(store: Store) -> None:
    for wish in ({"delay": 60.0}, {"run_after": timezone.now() + dt.timedelta(seconds=60)}):
        task = store.root(2, **wish)
        assert store.claim() == []
        assert state(task) == State.READY
        due = store.task_query.next_due()
        assert due is not None
        assert 50 < due <= 60
        let_pass(61)
        assert store.task_query.next_due() == 0
        (claim,) = store.claim()
        store.record(success(claim))
        (claim,) = store.claim()
        store.record(success(claim))


def test_a_nested_task_may_be_delayed_too(store: Store) -> None:
    store.root(1)
    (parent,) = store.claim()
    nested = store.wait(parent, 2, delay=60.0)
    assert store.claim() == []
    let_pass(61)
    assert len(store.claim_of(nested)) == 2


def test_what_is_past_is_due_now(store: Store) -> None:
    store.root(1, run_after=timezone.now() - dt.timedelta(days=1))
    assert len(store.claim()) == 1


def test_nothing_of_a_paused_cancelled_or_promised_task_is_claimed(store: Store) -> None:
    paused, canceled, parent = store.root(2), store.root(2), store.root(1, priority=100)
    (claim,) = store.claim(1)
    assert claim.task == parent.uuid
    promised = store.promise(claim, 2)
    paused.pause()
    canceled.cancel()
    assert store.claim() == []
    assert states(paused) == states(promised) == ["READY", "READY"]


def test_a_stage_that_asked_for_a_pause_is_claimed_after_the_resume_only(store: Store) -> None:
    task = store.root(2)
    (claim,) = store.claim()
    store.record(pauses(claim))
    assert (state(task), states(task)) == (State.PAUSED, ["PAUSED", "READY"])
    assert store.claim() == []
    task.resume()
    (again,) = store.claim()
    assert (again.stage, again.attempt) == (claim.stage, 1)


def test_a_manager_that_was_declared_dead_claims_nothing(store: Store) -> None:
    task, other = store.root(1), store.enlist()
    store.stage_command.declare_dead([store.manager])
    with pytest.raises(ManagerLost), transaction.atomic():
        store.claim()
    with pytest.raises(ManagerLost), transaction.atomic():
        store.stage_command.claim_one(store.manager, stage(task).uuid)
    assert states(task) == ["READY"]
    assert len(store.claim(manager=other)) == 1


def test_a_stage_can_be_claimed_by_name(store: Store) -> None:
    """Given a parallel task, when its last stage is claimed by name, then all others are still claimed in turn."""
    task = store.root(4, parallel=True)
    claim = store.stage_command.claim_one(store.manager, stage(task, 2).uuid)
    assert claim.order == 2
    assert [claim.order for claim in store.claim()] == [0, 1, 3]


def test_a_claim_by_name_is_refused_where_none_may_begin(store: Store) -> None:
    task, paused, full = store.root(2), store.root(1), store.root(2, parallel=True, max_parallel=1)
    by_name = store.stage_command.claim_one
    paused.pause()
    running = by_name(store.manager, stage(task).uuid)
    by_name(store.manager, stage(full).uuid)
    for refused in (stage(task), stage(task, 1), stage(paused), stage(full, 1)):
        with pytest.raises(TaskBusy), transaction.atomic():
            by_name(store.manager, refused.uuid)
    store.record(success(running))
    with pytest.raises(TaskBusy), transaction.atomic():
        by_name(store.manager, stage(task).uuid)


def test_a_finally_is_claimed_after_the_end_with_how_it_ended(store: Store) -> None:
    task = store.root(1, with_finally=True, parallel=True)
    (claim,) = store.claim()
    store.record(error(claim, "no luck"))
    (last,) = store.claim()
    assert (last.is_finally, last.order, last.handler) == (True, 1, "tests.handlers.Goodbye")
    assert last.previous is not None
    assert (last.previous.state, last.previous.message) == (State.ERROR, fresh(task).message)


def test_nothing_is_claimed_twice(live: Store) -> None:
    """Given two managers that claim and record at once, then each of 400 stages in 40 tasks starts exactly once."""
    tasks = [live.root(10, parallel=number % 2 == 0) for number in range(40)]
    others = [live.manager, live.enlist()]

    def work(manager: int) -> list[Claim]:
        mine: list[Claim] = []
        while TaskStage.objects.exclude(state=State.SUCCESS).exists():
            claims = live.claim(7, manager=others[manager])
            mine += claims
            live.record(*[success(claim) for claim in claims])
        return mine

    first, second = at_once(lambda: work(0), lambda: work(1))
    starts = Counter(claim.stage for claim in first + second)
    assert len(starts) == 400
    assert set(starts.values()) == {1}
    if connection.vendor != "sqlite":  # Its writer lock may go to one of them all the time.
        assert first
        assert second
    live.settle()  # What two ended at the same moment is ended by a transaction of its own.
    assert {state(task) for task in tasks} == {State.SUCCESS}
    assert set(TaskStage.objects.values_list("start", flat=True)) == {1}


def test_a_waiting_stage_is_no_candidate(store: Store) -> None:
    store.root(2)
    (parent,) = store.claim()
    nested = store.promise(parent, 1)
    store.record(waits(parent, nested))
    (claim,) = store.claim()
    assert claim.task == nested.uuid
    assert store.claim() == []
