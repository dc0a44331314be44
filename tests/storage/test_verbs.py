"""Pause, resume and cancel of a task and all below it: idempotent, and kept with who, when and why."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from django_tasks_poc import State, VerbResult
from django_tasks_poc.exceptions import TaskNotFound
from django_tasks_poc.models import Task, TaskEvent

from .. import support_storage as act
from ..support_storage import Store, fresh, later, let_pass, stage, state, states, success


def tree(store: Store) -> tuple[Task, Task, Task]:
    """Return a root of two stages, the first of which waits for a task of four that wait for a task each… of one."""
    root = store.root(2)
    (claim,) = store.claim_of(root)
    middle = store.wait(claim, 4)
    first, *_ = store.claim_of(middle, 2)
    bottom = store.wait(first, 3)
    return root, middle, bottom


def test_a_pause_stops_the_whole_subtree_and_a_resume_wakes_it(store: Store) -> None:
    """Given a tree of three levels, when its root is paused, then nothing is claimed until it is resumed."""
    root, middle, bottom = tree(store)
    running = store.claim(1)
    assert root.pause() == VerbResult(tasks=3)
    assert [state(task) for task in (root, middle, bottom)] == [State.PAUSED] * 3
    assert {fresh(task).pause_root for task in (root, middle, bottom)} == {root.uuid}
    assert store.claim() == []
    # What runs may still say how it ended.
    store.record(*[success(claim) for claim in running])
    assert store.claim() == []
    assert root.resume() == VerbResult(tasks=3)
    # RUNNING, because the second stage of the middle task never stopped.
    assert [state(task) for task in (root, middle, bottom)] == [State.WAITING, State.RUNNING, State.RUNNING]
    assert {fresh(task).pause_root for task in (root, middle, bottom)} == {None}
    assert len(store.claim()) == 4


def test_a_pause_below_leaves_what_is_above_at_work(store: Store) -> None:
    root, middle, bottom = tree(store)
    assert bottom.pause() == VerbResult(tasks=1)
    assert [state(task) for task in (root, middle, bottom)] == [State.WAITING, State.RUNNING, State.PAUSED]
    assert len(store.claim_of(middle)) == 2
    bottom.resume()
    assert len(store.claim_of(bottom)) == 3


def test_a_resume_wakes_only_what_was_paused_with_it(store: Store) -> None:
    """Given a pause below and then one of the root, when the root is resumed, then what is below stays paused."""
    root, middle, bottom = tree(store)
    bottom.pause()
    assert root.pause() == VerbResult(tasks=2)
    assert fresh(bottom).pause_root == bottom.uuid
    assert root.resume() == VerbResult(tasks=2)
    assert (state(middle), state(bottom)) == (State.RUNNING, State.PAUSED)
    assert middle.resume() == VerbResult()
    assert state(bottom) == State.PAUSED
    assert bottom.resume() == VerbResult(tasks=1)
    assert state(bottom) == State.READY


def test_a_resume_below_a_paused_task_starts_nothing(store: Store) -> None:
    """Given a pause below and one of the root, when that below is resumed, then it goes on with the root only."""
    root, _, bottom = tree(store)
    bottom.pause()
    root.pause()
    bottom.resume()
    assert store.claim() == []
    assert state(bottom) == State.PAUSED
    root.resume()
    assert state(bottom) == State.READY
    assert len(store.claim()) == 5


def test_a_resume_of_another_task_wakes_nothing(store: Store) -> None:
    root, _, bottom = tree(store)
    root.pause()
    assert bottom.resume() == VerbResult()
    assert state(bottom) == State.PAUSED


def test_a_stages_own_pause_is_of_its_task(store: Store) -> None:
    """Given a nested stage that asks for a pause, then its task and what is below pause, and what is above does not."""
    root, middle, bottom = tree(store)
    judge = next(claim for claim in store.claim() if claim.task == middle.uuid)
    store.record(act.pauses(judge, "look at row 7"))
    assert [state(task) for task in (root, middle, bottom)] == [State.WAITING, State.PAUSED, State.PAUSED]
    assert (fresh(middle).message, fresh(bottom).pause_root) == ("look at row 7", middle.uuid)
    assert stage(middle, judge.order).state == State.PAUSED
    root.resume()
    assert state(middle) == State.PAUSED
    middle.resume()
    assert stage(middle, judge.order).state == State.READY


def test_a_pause_keeps_the_dues_of_stages(store: Store) -> None:
    root = store.root(2, parallel=True)
    one, two = store.claim()
    store.record(later(one, 60), success(two))
    root.pause()
    assert store.task_query.next_due() is None
    root.resume()
    assert store.claim() == []
    due = store.task_query.next_due()
    assert due is not None
    assert 50 < due <= 60
    let_pass(61)
    assert len(store.claim()) == 1


@pytest.mark.parametrize("nested", [False, True])
def test_a_pause_and_resume_do_not_make_a_delayed_task_early(store: Store, nested: bool) -> None:
    run_after = timezone.now() + dt.timedelta(seconds=60)
    task = root = store.root(1) if nested else store.root(1, run_after=run_after)
    if nested:
        (claim,) = store.claim()
        task = store.wait(claim, 1, run_after=run_after)
    root.pause()
    assert store.task_query.next_due() is None
    assert store.claim() == []
    root.resume()
    assert store.claim() == []
    due = store.task_query.next_due()
    assert due is not None
    assert 50 < due <= 60
    # When it is due while it is paused, then it may start with the resume.
    root.pause()
    let_pass(61)
    assert store.claim() == []
    root.resume()
    assert len(store.claim_of(task)) == 1


def test_a_cancel_ends_the_whole_subtree_and_names_what_runs(store: Store) -> None:
    root, middle, bottom = tree(store)
    (running,) = store.claim_of(bottom, 1)
    result = root.cancel(reason="wrong file")
    # Ready are 1 + 2 + 2; two processes are at work, in the middle task and at the bottom.
    assert result == VerbResult(tasks=3, stages=5, processes=2)
    assert [state(task) for task in (root, middle, bottom)] == [State.CANCELED] * 3
    assert {fresh(task).message for task in (root, middle, bottom)} == {"wrong file"}
    assert states(root) == ["WAITING", "CANCELED"]
    assert states(bottom) == ["RUNNING", "CANCELED", "CANCELED"]
    store.record(act.stopped(running))
    assert fresh(bottom).finished_at is not None
    assert fresh(middle).finished_at is None


def test_a_cancel_reaches_paused_tasks_and_stages(store: Store) -> None:
    root, middle, bottom = tree(store)
    judge = next(claim for claim in store.claim() if claim.task == middle.uuid)
    store.record(act.pauses(judge))
    root.cancel()
    assert [state(task) for task in (root, middle, bottom)] == [State.CANCELED] * 3
    assert stage(middle, judge.order).state == State.CANCELED


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_a_verb_given_twice_does_nothing_the_second_time(store: Store, verb: str) -> None:
    root, *_ = tree(store)
    if verb == "resume":
        root.pause()
    give = getattr(root, verb)
    assert give(reason="because", by="ann")
    before = list(Task.objects.order_by("uuid").values())
    assert give(reason="again", by="bob") == VerbResult()
    assert list(Task.objects.order_by("uuid").values()) == before
    event = TaskEvent.objects.get(verb=verb)
    assert (event.task_id, event.by, event.reason) == (root.uuid, "ann", "because")
    assert event.at is not None


def test_a_verb_on_a_task_that_ended_does_nothing(store: Store) -> None:
    task = store.root(1)
    store.drain()
    before = fresh(task).finished_at
    assert task.pause() == task.resume() == task.cancel() == VerbResult()
    assert (state(task), fresh(task).finished_at) == (State.SUCCESS, before)
    assert not TaskEvent.objects.exists()


def test_verbs_pass_by_what_is_promised(store: Store) -> None:
    task = store.root(1)
    (claim,) = store.claim()
    promised = store.promise(claim, 2)
    for verb in (promised.pause, promised.cancel, promised.resume):
        assert verb() == VerbResult()
    assert task.pause() == VerbResult(tasks=1)
    assert state(promised) == State.PROMISED
    assert task.cancel() == VerbResult(tasks=1, processes=1)
    assert state(promised) == State.PROMISED


def test_a_verb_on_nothing_says_so(store: Store) -> None:
    task = store.root(1)
    Task.objects.all().delete()
    with pytest.raises(TaskNotFound):
        task.pause()


def test_a_cancel_of_a_delayed_task_ends_it_at_once(store: Store) -> None:
    task = store.root(3, delay=3600.0, with_finally=True)
    assert task.cancel() == VerbResult(tasks=1, stages=3)
    assert states(task) == ["CANCELED"] * 3 + ["READY"]
    assert fresh(task).finished_at is not None
    assert len(store.claim()) == 1


def test_a_cancel_of_a_nested_task_lets_its_parent_go_on(store: Store) -> None:
    root, middle, bottom = tree(store)
    bottom.cancel()
    assert fresh(bottom).finished_at is not None
    assert stage(middle).state == State.CANCELED
    assert (state(middle), state(root)) == (State.RUNNING, State.WAITING)


def test_a_cancel_below_a_paused_task_is_settled_with_the_resume(store: Store) -> None:
    root, middle, bottom = tree(store)
    root.pause()
    bottom.cancel()
    assert (state(bottom), stage(middle).state) == (State.CANCELED, State.CANCELED)
    assert (state(middle), state(root)) == (State.PAUSED, State.PAUSED)
    root.resume()
    store.drain()
    assert state(middle) == State.RUNNING


@pytest.mark.parametrize("levels", [1, 4])
def test_a_pause_costs_no_more_statements_for_more_tasks(
    store: Store, levels: int, django_assert_max_num_queries: object
) -> None:
    """Given a task above thirty others, then a pause costs the same as above one."""
    root = store.root(30, parallel=True)
    claims = store.claim()[: 30 if levels > 1 else 1]
    for claim in claims:
        store.wait(claim, 3)
    with django_assert_max_num_queries(16):  # type: ignore[operator]
        assert root.pause() == VerbResult(tasks=len(claims) + 1)
