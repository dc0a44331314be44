"""Two connections interleaved by hand: what goes back to be run again, by a rescue or a retry, meets what ends."""

from __future__ import annotations

from functools import partial

import pytest

from django_tasks_poc import State, VerbResult
from django_tasks_poc.models import Task, TaskEvent
from django_tasks_poc.storage.values import Claim

from ..support_storage import Store, error, fresh, stage, state, states, success
from ..support_threads import Actor, interleave

pytestmark = pytest.mark.service


def test_a_record_meets_the_rescue_of_its_stage(live: Store, one: Actor, other: Actor) -> None:
    """Given a stage whose manager is declared dead, when its outcome comes first, then the rescue leaves it alone."""
    task = live.root(2)
    (claim,) = live.claim()
    live.stage_command.declare_dead([live.manager])
    rescue = partial(live.stage_command.rescue, 10)
    recorded, rescued, waited = interleave(one, lambda: live.record(success(claim)), other, rescue)
    assert (waited, recorded.refused, rescued.refused) == (True, set(), {claim.token})
    assert (states(task), stage(task).lost) == (["SUCCESS", "READY"], 0)


def test_a_rescue_meets_the_record_of_its_stage(live: Store, one: Actor, other: Actor) -> None:
    task = live.root(2)
    (claim,) = live.claim()
    live.stage_command.declare_dead([live.manager])
    rescue = partial(live.stage_command.rescue, 10)
    _, recorded, waited = interleave(one, rescue, other, lambda: live.record(success(claim)))
    assert (waited, recorded.refused) == (True, {claim.token})
    assert (states(task), stage(task).lost) == (["READY", "READY"], 1)


def test_a_rescue_meets_a_rescue(live: Store, one: Actor, other: Actor) -> None:
    """Given two managers that find the same dead one, then its stages are lost once."""
    task = live.root(2, parallel=True)
    live.claim()
    live.stage_command.declare_dead([live.manager])
    rescue = partial(live.stage_command.rescue, 10)
    _, second, waited = interleave(one, rescue, other, rescue)
    assert (waited, len(second.refused)) == (True, 2)
    assert (states(task), {row.lost for row in task.stages.all()}) == (["READY"] * 2, {1})


def failed_below(live: Store) -> tuple[Task, Task, Claim]:
    """Return a root, its nested task that failed and was joined, and the claim of the root's other stage."""
    root = live.root(2, parallel=True, with_finally=True)
    parent, last = live.claim()
    nested = live.wait(parent, 1)
    live.record(error(*live.claim_of(nested)))
    assert (state(nested), states(root)) == (State.ERROR, ["SUCCESS", "RUNNING"])
    return root, nested, last


def test_a_retry_meets_the_end_of_its_root(live: Store, one: Actor, other: Actor) -> None:
    """Given a retry below that is not committed, when the root's last other stage ends, then the root goes on."""
    root, nested, last = failed_below(live)
    result, recorded, waited = interleave(one, nested.retry_failed, other, lambda: live.record(success(last)))
    assert (waited, result, recorded.ended) == (True, VerbResult(tasks=1, stages=2), [])
    assert (states(root), states(nested)) == (["WAITING", "SUCCESS"], ["READY"])
    live.drain()
    assert (state(root), states(root)) == (State.SUCCESS, ["SUCCESS"] * 3)


def test_the_end_of_a_root_meets_a_retry_below_it(live: Store, one: Actor, other: Actor) -> None:
    """Given an end that is not committed, when a task below is retried, then the root is opened again."""
    root, nested, last = failed_below(live)
    recorded, result, waited = interleave(one, lambda: live.record(success(last)), other, nested.retry_failed)
    assert (waited, [task.uuid for task in recorded.ended]) == (True, [root.uuid])
    assert result == VerbResult(tasks=2, stages=2)
    assert (fresh(root).finished_at, states(root)) == (None, ["WAITING", "SUCCESS", "CANCELED"])
    live.drain()
    assert states(root) == ["SUCCESS"] * 3


def test_a_retry_meets_a_retry(live: Store, one: Actor, other: Actor) -> None:
    root = live.root(2, parallel=True)
    live.drain(error)
    first, second, waited = interleave(one, root.retry_failed, other, root.retry_failed)
    assert (waited, first, second) == (True, VerbResult(tasks=1, stages=2), VerbResult())
    assert TaskEvent.objects.get().verb == "retry"


@pytest.mark.parametrize("turn", [1, -1])
def test_a_retry_and_a_cancel_meet(live: Store, one: Actor, other: Actor, turn: int) -> None:
    """Given a root that ended with a failure, then a cancel before the retry finds nothing, one after it ends it."""
    root = live.root(2, parallel=True)
    live.drain(error)
    _, second, waited = interleave(one, *[root.retry_failed, other, root.cancel][::turn])
    assert waited
    assert second == (VerbResult(tasks=1, stages=2))
    assert states(root) == (["CANCELED"] * 2 if turn == 1 else ["READY"] * 2)


def test_a_retry_meets_a_claim(live: Store, one: Actor, other: Actor) -> None:
    """Given a retry that is not committed, then a claim sees nothing of it, and afterwards all of it."""
    root = live.root(2, parallel=True)
    live.drain(error)
    _, claims, _ = interleave(one, root.retry_failed, other, live.claim)
    assert len(claims or live.claim()) == 2
