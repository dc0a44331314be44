"""Retrying what failed after part of a tree was run anew: only what a stage waited for last counts."""

from __future__ import annotations

import pytest

from django_tasks_poc import OnError, State, VerbResult
from django_tasks_poc.exceptions import TaskBusy
from django_tasks_poc.models import Task

from ..support_storage import Store, error, fresh, stage, state, states, success, waits


def run_anew(store: Store, stages: int = 2, **options: object) -> tuple[Task, Task, Task]:
    """Return a root whose first two stages waited for tasks that failed, and those; the root was retried.

    Its first stage waits again, and what comes after is to run anew.
    """
    root = store.root(stages, **options)
    below = []
    for _ in range(2):
        (claim,) = store.claim_of(root)
        below.append(store.wait(claim, 1))
        (claim,) = store.claim_of(below[-1])
        store.record(error(claim))
    while stages > 2 and (claims := store.claim_of(root)):
        store.record(*map(success, claims))
    assert root.retry_failed() == VerbResult(tasks=2, stages=1 + stages)
    assert states(root) == ["WAITING"] + ["READY"] * (stages - 1)
    return root, below[0], below[1]


def go_on(store: Store, first: Task) -> None:
    """Let the first stage of the root succeed."""
    (claim,) = store.claim_of(first)
    store.record(success(claim))


def test_what_is_no_longer_waited_for_is_not_retried(store: Store) -> None:
    """Given a stage that is to run anew, then what it waited for before ends for good and joins nothing."""
    root, first, old = run_anew(store)
    with pytest.raises(TaskBusy, match="anew"):
        old.retry_failed()
    go_on(store, first)
    (claim,) = store.claim_of(root)
    with pytest.raises(TaskBusy, match="anew"):
        old.retry_failed()
    new = store.promise(claim, 2)
    store.record(waits(claim, new))
    with pytest.raises(TaskBusy, match="anew"):
        old.retry_failed()
    store.record(*[success(one) if one.order else error(one) for one in store.claim_of(new)])
    assert (states(root), state(root)) == (["SUCCESS", "SUCCESS"], State.SUCCESS)
    with pytest.raises(TaskBusy, match="anew"):
        old.retry_failed()
    assert state(old) == State.ERROR
    # What it waited for last is still its business.
    assert new.retry_failed() == VerbResult(tasks=2, stages=2)
    assert states(root) == ["SUCCESS", "WAITING"]


def test_a_stage_that_failed_when_it_ran_anew_does_not_wait_for_what_was_built_before(store: Store) -> None:
    root, first, old = run_anew(store)
    go_on(store, first)
    (claim,) = store.claim_of(root)
    store.record(error(claim))
    assert state(root) == State.ERROR
    assert root.retry_failed() == VerbResult(tasks=1, stages=1)
    assert (states(root), state(old)) == (["SUCCESS", "READY"], State.ERROR)


def test_a_stage_that_was_canceled_before_it_ran_anew_does_not_wait_for_what_was_built_before(store: Store) -> None:
    root, first, old = run_anew(store)
    root.cancel()
    assert (states(root), state(first)) == (["CANCELED", "CANCELED"], State.CANCELED)
    assert root.retry_failed() == VerbResult(tasks=2, stages=3)
    assert states(root) == ["WAITING", "READY"]
    go_on(store, first)
    assert len(store.claim_of(root)) == 1
    assert state(old) == State.ERROR


def test_the_stage_after_one_that_failed_when_it_ran_anew_sees_that_failure(store: Store) -> None:
    """Given a stage that waited once and now fails at once, then what it waited for is not its response."""
    root, first, _ = run_anew(store, 3, on_error=OnError.CONTINUE)
    go_on(store, first)
    (claim,) = store.claim_of(root)
    store.record(error(claim, "no line"))
    (claim,) = store.claim_of(root)
    assert claim.previous is not None
    assert (claim.previous.state, claim.previous.message, claim.previous.nested) == ("ERROR", "no line", None)


def test_a_tree_that_failed_only_in_what_was_built_before_is_not_retried(store: Store) -> None:
    root, first, old = run_anew(store)
    go_on(store, first)
    (claim,) = store.claim_of(root)
    store.record(success(claim))
    ended = fresh(root).finished_at
    assert (state(root), fresh(old).error_count) == (State.SUCCESS, 1)
    assert root.retry_failed() == VerbResult()
    assert fresh(root).finished_at == ended
    assert stage(root, 1).state == State.SUCCESS
