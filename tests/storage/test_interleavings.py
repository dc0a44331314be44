"""Two connections interleaved by hand: what one holds uncommitted, the other meets; none deadlocks, no move is lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from django_tasks_poc import State, TaskExists
from django_tasks_poc.exceptions import ManagerLost
from django_tasks_poc.models import Task, TaskStage
from django_tasks_poc.storage.orm.locks import lock_tasks

from .. import support_storage as act
from ..support_locks import Deadlock, cancel
from ..support_storage import Store, error, fresh, later, let_pass, stage, state, states, success
from ..support_threads import HUNG, Actor, interleave
from .consistency import assert_consistent

pytestmark = pytest.mark.service


def test_a_claim_meets_a_pause(live: Store, one: Actor, other: Actor) -> None:
    task = live.root(3, parallel=True)
    _, claims, waited = interleave(one, task.pause, other, live.claim)
    assert (waited, claims, states(task)) == (True, [], ["READY"] * 3)


def test_a_pause_meets_a_claim(live: Store, one: Actor, other: Actor) -> None:
    task = live.root(3, parallel=True)
    (claim,), result, waited = interleave(one, lambda: live.claim(1), other, task.pause)
    assert (waited, result.tasks, state(task)) == (True, 1, State.PAUSED)
    assert states(task) == ["RUNNING", "READY", "READY"]
    live.record(success(claim))
    assert live.claim() == []


def test_a_record_meets_a_cancel(live: Store, one: Actor, other: Actor) -> None:
    task = live.root(2)
    (claim,) = live.claim()
    _, recorded, waited = interleave(one, task.cancel, other, lambda: live.record(success(claim)))
    assert (waited, recorded.refused) == (True, set())
    live.settle()
    assert (state(task), states(task)) == (State.CANCELED, ["SUCCESS", "CANCELED"])
    assert fresh(task).finished_at is not None


def test_a_cancel_meets_a_record(live: Store, one: Actor, other: Actor) -> None:
    task = live.root(2)
    (claim,) = live.claim()
    _, result, waited = interleave(one, lambda: live.record(success(claim)), other, task.cancel)
    assert (waited, result.tasks, states(task)) == (True, 1, ["SUCCESS", "CANCELED"])
    assert fresh(task).finished_at is not None


def test_the_last_child_meets_the_last_child(live: Store, one: Actor, other: Actor) -> None:
    """Given the last two children, each recorded before the other is committed, then the parent goes on once."""
    task, nested = live.chain(1, stages=2)
    a, b = live.claim()
    first, second, waited = interleave(one, lambda: live.record(success(a)), other, lambda: live.record(success(b)))
    assert waited
    assert not first.unsettled
    # Who came second may have thought that it is not the last; then it says that something is left.
    assert bool(second.ended) != second.unsettled
    assert len(second.ended) + live.settle() >= 1
    assert (state(nested), states(task), stage(task).start) == (State.SUCCESS, ["SUCCESS"], 1)
    assert state(task) == State.SUCCESS


def test_the_last_children_of_two_nested_tasks_meet(live: Store, one: Actor, other: Actor) -> None:
    """Given two nested tasks of one parent that end at the same moment, then the parent ends with the second."""
    root = live.root(2, parallel=True, with_finally=True)
    nested = [live.wait(claim, 1) for claim in live.claim()]
    a, b = live.claim()
    first, second, waited = interleave(one, lambda: live.record(success(a)), other, lambda: live.record(success(b)))
    assert waited
    assert [task.depth for task in first.ended] == [1]
    assert [task.uuid for task in second.ended] == [fresh(nested[b.task == nested[1].uuid]).uuid, root.uuid]
    assert states(root) == ["SUCCESS", "SUCCESS", "READY"]


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_a_wait_meets_a_verb_on_its_parent(live: Store, one: Actor, other: Actor, verb: str) -> None:
    task = live.root(2)
    (claim,) = live.claim()
    nested = live.promise(claim, 2)
    give = getattr(task, verb)
    _, recorded, waited = interleave(one, give, other, lambda: live.record(act.waits(claim, nested)))
    assert (waited, recorded.refused) == (True, set())
    assert state(nested) == state(task) == {"pause": "PAUSED", "cancel": "CANCELED"}[verb]
    assert live.claim() == []


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_a_verb_meets_a_wait_below_it(live: Store, one: Actor, other: Actor, verb: str) -> None:
    """Given a wait that is not committed, when its root is paused or cancelled, then so is the new nested task."""
    task, middle = live.chain(1)
    (claim,) = live.claim()
    nested = live.promise(claim, 2)
    give = getattr(task, verb)
    _, result, waited = interleave(one, lambda: live.record(act.waits(claim, nested)), other, give)
    assert (waited, result.tasks) == (True, 3)
    assert {state(row) for row in (task, middle, nested)} == {{"pause": "PAUSED", "cancel": "CANCELED"}[verb]}
    assert live.claim() == []


@pytest.mark.parametrize("answer", [act.pauses, act.cancels])
def test_a_stages_own_verb_meets_a_wait_below_it(live: Store, one: Actor, other: Actor, answer: Any) -> None:
    root = live.root(2, parallel=True)
    parent, judge = live.claim()
    middle = live.wait(parent, 1)
    (claim,) = live.claim()
    nested = live.promise(claim, 2)
    ends = partial(live.record, answer(judge))
    _, _, waited = interleave(one, lambda: live.record(act.waits(claim, nested)), other, ends)
    assert waited
    live.settle()
    assert state(root) == state(middle) == state(nested)


def test_a_claim_meets_a_claim(live: Store, one: Actor, other: Actor) -> None:
    task, line, narrow = live.root(6, parallel=True), live.root(3), live.root(5, parallel=True, max_parallel=2)
    first, second, waited = interleave(one, lambda: live.claim(5), other, lambda: live.claim(100, live.enlist()))
    assert waited
    assert not {claim.stage for claim in first} & {claim.stage for claim in second}
    assert (fresh(task).running_count, fresh(line).running_count, fresh(narrow).running_count) == (6, 1, 2)


def test_a_settle_meets_a_record_in_its_tree_and_in_another(live: Store, one: Actor, other: Actor) -> None:
    """Given a tree that is being settled, then a record in another tree goes by, and one of both waits for it."""
    large, small = live.root(1500, parallel=True), live.root(2, parallel=True)
    claims = live.claim(4)
    mine = [claim for claim in claims if claim.task == large.uuid]
    a, b = (claim for claim in claims if claim.task == small.uuid)
    large.cancel()
    one.hold(lambda: live.task_command.settle(1000))
    recorded = other.do(lambda: live.record(success(a)))
    assert not other.is_blocked(recorded)
    future = other.do(lambda: live.record(success(b), *[act.stopped(claim) for claim in mine]))
    assert other.is_blocked(future)
    one.commit()
    assert future.result(HUNG).refused == set()
    live.settle()
    assert (state(small), fresh(large).finished_at is not None) == (State.SUCCESS, True)


@pytest.mark.parametrize("commits", [True, False])
def test_a_build_meets_one_of_the_same_key(live: Store, one: Actor, other: Actor, commits: bool) -> None:
    first = one.hold(lambda: live.root(1, unique_key="nightly"))
    future = other.do(lambda: live.root(1, unique_key="nightly"))
    assert other.is_blocked(future)
    if commits:
        one.commit()
        with pytest.raises(TaskExists) as refused:
            future.result(HUNG)
        assert refused.value.uuid == first.uuid
    else:
        one.roll_back()
        assert future.result(HUNG).uuid != first.uuid
    assert Task.objects.count() == 1


def test_a_claim_meets_the_end_of_its_manager(live: Store, one: Actor, other: Actor) -> None:
    task = live.root(1)
    one.hold(lambda: live.stage_command.declare_dead([live.manager]))
    future = other.do(live.claim)
    assert other.is_blocked(future)
    one.commit()
    with pytest.raises(ManagerLost):
        future.result(HUNG)
    assert states(task) == ["READY"]


def test_the_end_of_a_manager_meets_its_claim(live: Store, one: Actor, other: Actor) -> None:
    """Given a claim that is not committed, when its manager is declared dead, then the rescue finds what it claimed."""
    task = live.root(2, parallel=True)
    bury = partial(live.stage_command.declare_dead, [live.manager])
    claims, _, waited = interleave(one, live.claim, other, bury)
    assert (waited, len(claims)) == (True, 2)
    live.stage_command.rescue(10)
    assert states(task) == ["READY", "READY"]


def gated(rows: list[Task], one: Actor, first: Callable[[], Any], other: Actor, second: Callable[[], Any]) -> None:
    """Hold rows; let the first and then the second run into them; let go: both must get through."""
    futures: list[Future[Any]] = []
    with transaction.atomic():
        lock_tasks("default", [row.uuid for row in rows])
        for actor, work in ((one, first), (other, second)):
            futures.append(actor.do(work))
            assert actor.is_blocked(futures[-1])
    for future in futures:
        future.result(HUNG)


@pytest.mark.parametrize("turn", [1, -1])
def test_two_batches_over_the_same_two_roots(live: Store, one: Actor, other: Actor, turn: int) -> None:
    """Given batches each of which stops one of two roots and goes on with the other, then they pass one another."""
    low, high = (live.root(9, parallel=True, on_error="STOP") for _ in range(2))
    ends = {task.uuid: [claim for claim in live.claim(10) if claim.task == task.uuid] for task in (low, high)}
    works = [
        partial(live.record, error(ends[low.uuid][0]), success(ends[high.uuid][0])),
        partial(live.record, error(ends[high.uuid][1]), success(ends[low.uuid][1])),
    ][::turn]
    gated([low], one, works[0], other, works[1])
    assert (fresh(low).error_count, fresh(high).error_count) == (1, 1)


@pytest.mark.parametrize("turn", [1, -1])
def test_a_claim_of_what_is_due_and_a_record(live: Store, one: Actor, other: Actor, turn: int) -> None:
    """Given a claimable task and a younger one that just became due, then a claim and a batch over both pass."""
    low, high = live.root(9, parallel=True), live.root(3, parallel=True)
    claims = live.claim(6)
    mine = [[claim for claim in claims if claim.task == task.uuid] for task in (low, high)]
    live.record(later(mine[1][0], 60))
    let_pass(61)
    works = [partial(live.record, success(mine[0][0]), success(mine[1][1])), partial(live.claim, 100)][::turn]
    gated([low], one, works[0], other, works[1])
    assert TaskStage.objects.filter(state=State.SUCCESS).count() == 2


def test_the_helper_sees_a_deadlock(live: Store, one: Actor, other: Actor) -> None:
    """Given two that lock rows in different orders, then they do not end, or the server ends one of them."""
    low, high = live.root(1), live.root(1)
    one.hold(lambda: lock_tasks("default", [low.uuid]))
    other.hold(lambda: lock_tasks("default", [high.uuid]))
    futures = [one.do(lambda: lock_tasks("default", [high.uuid])), other.do(lambda: lock_tasks("default", [low.uuid]))]
    if connection.vendor == "postgresql":
        assert one.is_blocked(futures[0])
        assert other.is_blocked(futures[1])
        cancel(one.number)
    losses = []
    for actor, future in zip((one, other), futures, strict=True):
        if (loss := future.exception(HUNG)) is None:
            actor.commit()
        else:
            losses.append(loss)
            actor.roll_back()
    (loss,) = losses
    assert isinstance(loss, Deadlock) or "canceling statement" in str(loss)
    assert_consistent()
