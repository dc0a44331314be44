"""Retrying what failed: what succeeded stays, nothing is built twice, and all above goes on from there."""

from __future__ import annotations

import time

import pytest

from django_tasks_poc import State, TaskBusy, TaskExists, VerbResult
from django_tasks_poc.models import Task, TaskEvent, TaskStage
from django_tasks_poc.storage.values import Claim

from .. import support_storage as act
from ..support_storage import Store, error, fresh, stage, state, states, success


def test_failed_and_canceled_stages_run_again_and_the_others_do_not(store: Store) -> None:
    task = store.root(4, parallel=True, on_error="CONTINUE")
    store.drain(lambda claim: [success, error, act.stopped, act.skip][claim.order](claim))
    assert (state(task), states(task)) == (State.ERROR, ["SUCCESS", "ERROR", "CANCELED", "SKIPPED"])
    assert task.retry_failed(reason="fixed", by="ann") == VerbResult(tasks=1, stages=2)
    assert (states(task), fresh(task).finished_at) == (["SUCCESS", "READY", "READY", "SKIPPED"], None)
    event = TaskEvent.objects.get()
    assert (event.verb, event.by, event.reason, event.task_id) == ("retry", "ann", "fixed", task.uuid)
    assert [claim.order for claim in store.drain()] == [1, 2]
    assert (state(task), fresh(task).message) == (State.SUCCESS, "3 succeeded, 1 skipped")


def test_attempts_go_on_and_their_budget_begins_anew(store: Store) -> None:
    task = store.root(1)
    for spent in (1, 2):
        (claim,) = store.claim()
        assert claim.spent == spent
        store.record((act.retry if spent == 1 else error)(claim))
    task.retry_failed()
    (claim,) = store.claim()
    assert (claim.attempt, claim.spent) == (3, 1)


def test_a_sequential_task_goes_on_from_its_first_failure(store: Store) -> None:
    task = store.root(4)
    store.drain(lambda claim: (error if claim.order == 1 else success)(claim))
    assert states(task) == ["SUCCESS", "ERROR", "CANCELED", "CANCELED"]
    assert task.retry_failed() == VerbResult(tasks=1, stages=3)
    assert [claim.order for claim in store.drain()] == [1, 2, 3]
    assert state(task) == State.SUCCESS


def joined(store: Store) -> tuple[Task, Task]:
    """Return a root of two stages that ended well, and the nested task of the first, of which one stage failed."""
    root = store.root(2, with_finally=True, unique_key="import")
    nested = store.wait(*store.claim(), 3)
    store.drain(lambda claim: (error if claim.task == nested.uuid and claim.order == 1 else success)(claim))
    assert (state(root), state(nested)) == (State.SUCCESS, State.ERROR)
    return root, nested


@pytest.mark.parametrize("below", [False, True], ids=["the root", "the nested task"])
def test_a_retry_goes_down_to_what_failed_and_runs_anew_what_came_after(store: Store, below: bool) -> None:
    """Given a root that succeeded over a failure, then the failure, the stages after the wait and finally run again."""
    root, nested = joined(store)
    assert (nested if below else root).retry_failed() == VerbResult(tasks=2, stages=3)
    assert (states(root), states(nested)) == (["WAITING", "READY", "CANCELED"], ["SUCCESS", "READY", "SUCCESS"])
    assert fresh(root).unique_open
    starts = store.drain()
    assert [(claim.task, claim.order) for claim in starts] == [(nested.uuid, 1), (root.uuid, 1), (root.uuid, 2)]
    assert (state(root), state(nested), Task.objects.count()) == (State.SUCCESS, State.SUCCESS, 2)


def test_a_retry_of_what_did_not_fail_or_has_not_ended_does_nothing(store: Store) -> None:
    task = store.root(2)
    assert task.retry_failed() == VerbResult()
    store.drain()
    before = list(Task.objects.values())
    assert task.retry_failed() == VerbResult()
    assert (list(Task.objects.values()), TaskEvent.objects.count()) == (before, 0)


def test_a_retry_is_refused_while_a_stage_after_the_wait_is_at_work(store: Store) -> None:
    root = store.root(2)
    nested = store.wait(*store.claim(), 1)
    store.record(error(*store.claim_of(nested)))
    (after,) = store.claim_of(root)
    with pytest.raises(TaskBusy) as refused:
        nested.retry_failed()
    assert (refused.value.uuid, str(after.stage) in str(refused.value)) == (after.stage, True)
    assert (state(nested), states(root)) == (State.ERROR, ["SUCCESS", "RUNNING"])
    store.record(success(after))
    assert nested.retry_failed() == VerbResult(tasks=2, stages=3)


def test_a_retry_is_refused_while_its_finally_runs(store: Store) -> None:
    task = store.root(1, with_finally=True)
    store.record(error(*store.claim()))
    (claim,) = store.claim()
    Task.objects.filter(uuid=task.uuid).update(title="\x1b[2J\nroot")
    with pytest.raises(TaskBusy, match=f"{claim.stage} of task “␛.2J root” is"):
        task.retry_failed()


def failed_beside_a_stage_at_work(store: Store) -> tuple[Task, Task, Claim]:
    """Return a root, its nested task, which failed, and the claim of the stage that still runs."""
    root = store.root(2, parallel=True)
    parent, running = store.claim()
    nested = store.wait(parent, 1)
    store.record(error(*store.claim_of(nested)))
    return root, nested, running


def test_a_retry_below_what_is_being_canceled_is_refused(store: Store) -> None:
    root, nested, running = failed_beside_a_stage_at_work(store)
    root.cancel()
    Task.objects.filter(uuid=root.uuid).update(title="\x1b[2J\nroot")
    with pytest.raises(TaskBusy, match=r"“␛.2J root” is being canceled; retry when it has ended"):
        nested.retry_failed()
    store.record(act.stopped(running))
    assert nested.retry_failed() == VerbResult(tasks=2, stages=2)


def test_a_retry_below_a_paused_task_waits_for_the_resume(store: Store) -> None:
    root, nested, running = failed_beside_a_stage_at_work(store)
    root.pause()
    nested.retry_failed()
    assert (state(nested), store.claim()) == (State.PAUSED, [])
    root.resume()
    store.record(success(running))
    store.drain()
    assert (state(root), state(nested)) == (State.SUCCESS, State.SUCCESS)


def test_a_retry_takes_the_unique_key_again_or_names_who_holds_it(store: Store) -> None:
    task = store.root(1, unique_key="nightly")
    store.drain(error)
    other = store.root(1, unique_key="nightly")
    with pytest.raises(TaskExists) as refused:
        task.retry_failed()
    assert (refused.value.uuid, states(task)) == (other.uuid, ["ERROR"])
    store.drain()
    assert task.retry_failed()
    with pytest.raises(TaskExists):
        store.root(1, unique_key="nightly")


@pytest.mark.parametrize("step", [0, -3600], ids=["a right clock", "a clock set back"])
def test_the_nested_task_that_counts_is_the_one_built_last(
    store: Store, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a stage that is run anew and builds once more, on a host an hour behind, then the new task counts."""
    root = store.root(3)
    first = store.wait(*store.claim(), 1)
    store.record(error(*store.claim_of(first)))
    built = {"old": store.wait(*store.claim_of(root), 1)}
    store.drain()
    assert root.retry_failed() == VerbResult(tasks=2, stages=4)
    store.record(success(*store.claim_of(first)))
    now = time.time_ns
    monkeypatch.setattr("django_tasks_poc.identifiers._last", 0)  # the process of another host
    monkeypatch.setattr(time, "time_ns", lambda: now() + step * 10**9)
    built["new"] = store.wait(*store.claim_of(root), 1)
    store.record(error(*store.claim_of(built["new"])))
    (last,) = store.claim_of(root)
    assert _nested(last) == built["new"].uuid
    assert store.task_query.nested_of([stage(root, 1).uuid]) == {stage(root, 1).uuid: built["new"].uuid}
    store.record(success(last))
    root.retry_failed()
    assert {name: states(task) for name, task in built.items()} == {"old": ["SUCCESS"], "new": ["READY"]}
    assert TaskStage.objects.get(task=root, order=1).state == State.WAITING


def test_a_failure_below_what_was_built_anew_counts_no_more(store: Store) -> None:
    """Given a stage that was run anew and succeeded, then its first nested task is over: a retry finds nothing."""
    root = store.root(2, with_finally=True)
    first = store.wait(*store.claim(), 1)
    store.record(error(*store.claim_of(first)))
    old = store.wait(*store.claim_of(root), 2)
    store.drain(lambda claim: (error if claim.task == old.uuid else success)(claim))
    root.retry_failed()
    store.record(success(*store.claim_of(first)))
    new = store.wait(*store.claim_of(root), 2)
    store.drain()
    assert [state(task) for task in (root, first, old, new)] == ["SUCCESS", "SUCCESS", "ERROR", "SUCCESS"]
    before = list(Task.objects.order_by("uuid").values())
    assert root.retry_failed() == VerbResult()
    with pytest.raises(TaskBusy, match=r"counts no more.* Retry “a task”\.$"):
        old.retry_failed()
    assert list(Task.objects.order_by("uuid").values()) == before
    assert TaskEvent.objects.count() == 1


def _nested(claim: Claim) -> object:
    assert claim.previous is not None
    return claim.previous.nested
