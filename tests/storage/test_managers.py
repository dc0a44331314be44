"""Managers: who lives, and the rescue of what the others left behind."""

from __future__ import annotations

import pytest
from django.db import transaction

from django_tasks_poc import State
from django_tasks_poc.exceptions import ManagerLost
from django_tasks_poc.lifecycle import Cause, Ending, decide
from django_tasks_poc.models import ManagerProcess, StageAttempt
from django_tasks_poc.storage.values import NewManager

from .. import support_storage as act
from ..support_storage import Store, fresh, let_pass, stage, state, states, success


def lose(store: Store) -> int:
    """Let the store's manager die and another take its place; return how many pieces the rescue took."""
    store.stage_command.declare_dead([store.manager])
    store.manager = store.enlist()
    pieces = 0
    while store.stage_command.rescue(2).wakes:
        pieces += 1
    return pieces


def test_what_a_dead_manager_ran_is_returned_in_pieces(store: Store) -> None:
    """Given five stages at work in a manager that died, then all are claimed again, no attempt spent."""
    task = store.root(6, parallel=True)
    before = store.claim(5)
    assert lose(store) == 3
    assert states(task) == ["READY"] * 6
    after = store.claim()
    assert len(after) == 6
    assert not {claim.token for claim in before} & {claim.token for claim in after}
    assert {(claim.attempt, claim.spent, claim.lost) for claim in after} == {(1, 1, 1), (1, 1, 0)}
    attempts = StageAttempt.objects.all()
    assert {(row.outcome, row.start, row.attempt, row.host) for row in attempts} == {("lost", 1, 1, "a host")}
    assert len(attempts) == 5


def test_what_living_managers_run_is_left_alone(store: Store) -> None:
    store.root(2, parallel=True)
    other = store.enlist()
    (mine,) = store.claim(1)
    (theirs,) = store.claim(1, manager=other)
    store.stage_command.declare_dead([other])
    recorded = store.stage_command.rescue(100)
    assert (recorded.wakes, recorded.refused) == (True, set())
    assert store.stage_query.get(mine.stage).state == State.RUNNING
    assert store.stage_query.get(theirs.stage).state == State.READY
    assert not store.stage_command.rescue(100).wakes


def test_a_dismissed_manager_is_dead_too(store: Store) -> None:
    store.root(1)
    (claim,) = store.claim()
    store.stage_command.dismiss(store.manager)
    store.stage_command.rescue(100)
    assert store.stage_query.get(claim.stage).state == State.READY


def test_a_stage_of_a_cancelled_task_is_rescued_into_its_end(store: Store) -> None:
    task = store.root(2)
    store.claim()
    task.cancel()
    store.stage_command.declare_dead([store.manager])
    recorded = store.stage_command.rescue(100)
    assert [row.uuid for row in recorded.ended] == [task.uuid]
    assert states(task) == ["CANCELED", "CANCELED"]


def test_a_stage_of_a_paused_task_is_rescued_and_runs_after_the_resume(store: Store) -> None:
    task = store.root(1)
    store.claim()
    task.pause()
    lose(store)
    assert (state(task), states(task)) == (State.PAUSED, ["READY"])
    assert store.claim() == []
    task.resume()
    assert len(store.claim()) == 1


def test_a_sequential_task_goes_on_where_it_was_lost(store: Store) -> None:
    task = store.root(3)
    store.record(success(*store.claim()))
    (claim,) = store.claim()
    lose(store)
    (again,) = store.claim()
    assert (again.stage, states(task)) == (claim.stage, ["SUCCESS", "RUNNING", "READY"])


def test_a_finally_is_rescued_too(store: Store) -> None:
    task = store.root(1, with_finally=True)
    store.record(success(*store.claim()))
    (claim,) = store.claim()
    ended = fresh(task).finished_at
    lose(store)
    (again,) = store.claim()
    assert (again.stage, fresh(task).finished_at) == (claim.stage, ended)
    store.record(success(again))
    assert states(task) == ["SUCCESS", "SUCCESS"]


def test_a_stage_that_is_lost_too_often_fails(store: Store) -> None:
    """Given a stage that takes its manager with it again and again, then the twenty-first loss is an ERROR."""
    task = store.root(1)
    for losses in range(21):
        (claim,) = store.claim()
        assert (claim.lost, claim.spent) == (losses, 1)
        lose(store)
    assert (state(task), states(task)) == (State.ERROR, ["ERROR"])
    assert "lost 21 times" in stage(task).error_message


def test_a_stage_that_takes_its_fork_server_down_too_often_fails_too(store: Store) -> None:
    """Given losses that its own manager sees, then the count goes on, and the last one is an error."""
    task = store.root(1)
    for losses in range(21):
        (claim,) = store.claim()
        assert (claim.lost, claim.spent) == (losses, 1)
        store.record(decide(Ending(claim, cause=Cause.LOST, why="The fork server ended.")))
    assert state(task) == State.ERROR
    assert stage(task).error_message == "Its process was lost 21 times while it ran. The fork server ended."
    assert (stage(task).attempt, stage(task).lost) == (0, 21)
    assert StageAttempt.objects.filter(outcome="lost").count() == 21


def test_a_stage_built_for_the_rescue_of_its_parent_is_built_anew(store: Store) -> None:
    """Given a stage that was lost while it built a nested task, then its next start builds and waits as if new."""
    task = store.root(1)
    (claim,) = store.claim()
    dead = store.promise(claim, 3)
    lose(store)
    (again,) = store.claim()
    living = store.wait(again, 2)
    assert store.task_query.nested_of([again.stage]) == {again.stage: living.uuid}
    store.discard()
    assert not type(dead).objects.filter(uuid=dead.uuid).exists()
    store.drain()
    assert state(task) == State.SUCCESS


def test_a_dead_manager_neither_beats_nor_comes_back(store: Store) -> None:
    store.stage_command.beat(store.manager, 3)
    assert ManagerProcess.objects.get().running == 3
    store.stage_command.declare_dead([store.manager])
    with pytest.raises(ManagerLost), transaction.atomic():
        store.stage_command.beat(store.manager, 0)
    row = ManagerProcess.objects.get()
    assert (row.running, row.stopped_at is not None) == (0, True)
    store.stage_command.declare_dead([store.manager])
    assert ManagerProcess.objects.get().stopped_at == row.stopped_at


def test_a_dead_manager_claims_nothing_and_is_not_registered_again(store: Store) -> None:
    task = store.root(1)
    me = NewManager(store.manager, "a host", 1, "its start", "", "inline", 10, "test")
    store.stage_command.declare_dead([store.manager])
    for claim in (store.claim, lambda: store.stage_command.claim_one(store.manager, stage(task).uuid)):
        with pytest.raises(ManagerLost), transaction.atomic():
            claim()
        # As where the answer to its first registration was lost.
        store.stage_command.enlist(me)
    assert (states(task), fresh(task).started_at) == (["READY"], None)
    assert ManagerProcess.objects.get().stopped_at is not None


def test_suspects_are_all_that_did_not_end_and_say_whose_lease_is_over(store: Store) -> None:
    """Given a manager that beats and one that does not for longer than the lease, then only that one is late."""
    silent = store.enlist(host="another host", pid=77, process_started="then", lock_file="/tmp/a.lock")
    dismissed = store.enlist()
    store.stage_command.dismiss(dismissed)
    let_pass(29)
    assert [late for *_, late in store.stage_command.suspects()] == [False, False]
    let_pass(2)
    store.stage_command.beat(store.manager, 0)
    assert sorted(store.stage_command.suspects(), key=lambda row: row[-1]) == [
        (store.manager, "a host", 1, "its start", "", False),
        (silent, "another host", 77, "then", "/tmp/a.lock", True),
    ]


def test_what_was_recorded_by_a_manager_that_was_declared_dead_counts_if_nobody_was_faster(store: Store) -> None:
    """Given a manager declared dead whose stage was not yet rescued, then its outcome is still the stage's."""
    task = store.root(1)
    (claim,) = store.claim()
    store.stage_command.declare_dead([store.manager])
    assert store.record(success(claim)).refused == set()
    assert not store.stage_command.rescue(100).wakes
    assert state(task) == State.SUCCESS


def test_a_returned_claim_spends_nothing(store: Store) -> None:
    task = store.root(2)
    for _ in range(3):
        (claim,) = store.claim()
        assert (claim.attempt, claim.spent) == (1, 1)
        store.record(act.later(claim))
    assert (stage(task).attempt, stage(task).lost, StageAttempt.objects.count()) == (0, 0, 0)
