"""Recording: each outcome once, by the holder of its token; counters that equal the rows."""

from __future__ import annotations

import msgspec
import pytest
from django.db import connection, transaction

from django_tasks_poc import State
from django_tasks_poc.lifecycle import record
from django_tasks_poc.models import StageAttempt, Task, TaskStage

from .. import support_storage as act
from ..support_storage import Store, error, fresh, later, let_pass, retry, stage, state, states, success
from .consistency import assert_consistent


def test_a_success_is_kept_with_all_that_was_said(store: Store) -> None:
    task = store.root(2)
    (claim,) = store.claim()
    move = msgspec.structs.replace(
        success(claim, "loaded", '{"rows": 3}'), response_type="some.Type", duration=1.5, cpu=0.25, max_rss=4096
    )
    recorded = store.record(move)
    assert (recorded.refused, recorded.ended, recorded.wakes) == (set(), [], True)
    row = stage(task)
    assert (row.state, row.message, row.response, row.response_type) == (
        State.SUCCESS, "loaded", '{"rows": 3}', "some.Type",
    )  # fmt: skip
    assert (row.duration, row.cpu, row.max_rss) == (1.5, 0.25, 4096)
    assert row.finished_at is not None
    assert not row.attempts.exists()


def test_an_outcome_is_recorded_once(store: Store) -> None:
    """Given an outcome that was recorded, when it or another is sent again, then nothing changes."""
    task = store.root(2, parallel=True)
    first, second = store.claim()
    store.record(success(first, "the first word"))
    recorded = store.record(error(first, "another"), success(second), error(second))
    assert recorded.refused == {first.token, second.token}
    assert (states(task), stage(task).message) == (["SUCCESS", "SUCCESS"], "the first word")
    assert not StageAttempt.objects.exists()


def test_a_late_writer_is_refused_and_the_others_stand(store: Store) -> None:
    """Given a stage that was started anew elsewhere, then its first process's outcome changes nothing."""
    task = store.root(2, parallel=True)
    late, other = store.claim()
    store.stage_command.declare_dead([store.manager])
    store.stage_command.rescue(1)
    store.manager = store.enlist()
    (claim,) = [claim for claim in store.claim() if claim.stage == late.stage]
    recorded = store.record(error(late), success(other))
    assert late.token in recorded.refused
    assert stage(task, claim.order).state == State.RUNNING
    recorded = store.record(success(claim))
    assert recorded.refused == set()
    assert stage(task, claim.order).state == State.SUCCESS


def test_a_stage_that_is_gone_is_refused(store: Store) -> None:
    task = store.root(1)
    (claim,) = store.claim()
    Task.objects.filter(uuid=task.uuid).delete()
    assert store.record(success(claim)).refused == {claim.token}


def test_the_counters_equal_the_rows_after_every_kind_of_move(store: Store) -> None:
    """Given a parallel task, when one batch holds an end of every kind, then the counters are right at each step."""
    task = store.root(9, parallel=True, on_error="CONTINUE")
    claims = store.claim(8)
    assert_consistent()
    nested = store.promise(claims[0], 2)
    store.record(
        act.waits(claims[0], nested), success(claims[1]), error(claims[2]), act.skip(claims[3]), retry(claims[4], 60),
        later(claims[5]), act.stopped(claims[6]),
    )  # fmt: skip
    assert_consistent()
    row = fresh(task)
    assert states(task) == "WAITING SUCCESS ERROR SKIPPED READY READY CANCELED RUNNING READY".split()
    assert (row.open_count, row.running_count, row.waiting_count, row.success_count) == (5, 1, 1, 1)
    assert (row.error_count, row.canceled_count, row.skipped_count, row.failed_count) == (1, 1, 1, 2)
    store.record(act.pauses(claims[7]))
    assert_consistent()
    fresh(task).resume()
    assert_consistent()
    let_pass(61)
    store.drain()
    assert state(task) == State.ERROR


def test_a_retry_spends_an_attempt_and_a_delay_none(store: Store) -> None:
    task = store.root(1)
    spent = []
    for back in (retry, later, later, retry):
        (claim,) = store.claim()
        spent.append((claim.attempt, claim.spent))
        store.record(back(claim))
    (claim,) = store.claim()
    assert spent == [(1, 1), (2, 2), (2, 2), (2, 2)]
    assert (claim.attempt, stage(task).start) == (3, 5)
    # Every start that failed left a post-mortem; a delay is no failure.
    assert list(StageAttempt.objects.values_list("start", "attempt")) == [(1, 1), (4, 2)]


def test_a_skip_counts_as_no_failure(store: Store) -> None:
    task = store.root(2)
    store.drain(act.skip)
    assert (state(task), states(task)) == (State.SUCCESS, ["SKIPPED", "SKIPPED"])


def test_a_stage_cancels_its_whole_task(store: Store) -> None:
    """Given stages that wait, run and have not begun, when one answers cancel, then all of it is over."""
    task = store.root(5, parallel=True)
    waiting, running, judge, _ = store.claim(4)
    nested = store.wait(waiting, 3)
    (inner,) = store.claim_of(nested, 1)
    store.record(act.cancels(judge, "the file is empty"))
    row = fresh(task)
    assert (row.state, row.message, row.finished_at) == (State.CANCELED, "the file is empty", None)
    assert states(nested) == ["RUNNING", "CANCELED", "CANCELED"]
    # What runs may still say how it ended.
    store.record(success(running), error(inner))
    assert fresh(task).finished_at is None
    row = stage(task, 3)
    store.record(msgspec.structs.replace(success(running), stage=row.uuid, token=row.token))
    assert fresh(task).finished_at is not None
    assert (state(task), state(nested)) == (State.CANCELED, State.CANCELED)
    assert states(task) == ["CANCELED", "SUCCESS", "CANCELED", "SUCCESS", "CANCELED"]


@pytest.mark.parametrize("order", [1, -1], ids=["before", "after"])
@pytest.mark.parametrize("other", ["retry", "later", "pauses", "wait", "success", "error", "cancels"])
@pytest.mark.parametrize("verdict", ["cancels", "pauses"])
def test_what_comes_in_with_a_cancel_or_a_pause(store: Store, verdict: str, other: str, order: int) -> None:
    """Given a batch with a cancel or a pause and another end of the same task, then their order is of no matter."""
    task = store.root(3, parallel=True, on_error="CONTINUE")
    one, two = store.claim(2)
    nested = store.promise(one, 2) if other == "wait" else None
    ends = act.waits(one, nested) if nested else getattr(act, other)(one)
    store.record(*[getattr(act, verdict)(two), ends][::order])
    assert_consistent()
    if "cancels" in (verdict, other):
        assert state(task) == State.CANCELED
        store.settle()
        assert fresh(task).finished_at is not None
        assert nested is None or fresh(nested).finished_at is not None
    else:
        assert state(task) == State.PAUSED
        assert store.claim() == []
        task.resume()
        store.drain()
        assert fresh(task).finished_at is not None


def test_a_wait_for_what_this_attempt_did_not_build_is_an_error(store: Store) -> None:
    """Given tasks of others, of an earlier attempt and of nobody, then waiting for them is an error that says so."""
    foreign = store.root(1, priority=-9)
    task = store.root(5, parallel=True, on_error="CONTINUE")
    claims = store.claim(5)
    assert {claim.task for claim in claims} == {task.uuid}
    other = store.promise(claims[4], 1)
    early = store.promise(claims[0], 1)
    store.record(later(claims[0]))
    (again,) = store.claim(1)
    assert again.stage == claims[0].stage
    waited = store.promise(claims[3], 1)
    store.record(act.waits(claims[3], waited))
    store.record(
        act.waits(again, early), act.waits(claims[1], other), act.waits(claims[2], foreign),
        act.waits(claims[4], waited),
    )  # fmt: skip
    assert states(task) == ["ERROR", "ERROR", "ERROR", "WAITING", "ERROR"]
    assert all("did not build" in stage(task, order).error_message for order in (0, 1, 2, 4))
    assert str(foreign.uuid) in stage(task, 2).message
    # The others' tasks are as they were.
    assert (state(foreign), state(other), state(early)) == (State.READY, State.PROMISED, State.PROMISED)
    assert fresh(waited).parent_stage_id == claims[3].stage


def test_a_wait_for_nothing_is_an_error(store: Store) -> None:
    task = store.root(2, on_error="CONTINUE")
    for nested in (None, task.uuid):
        (claim,) = store.claim()
        store.record(act.waits(claim, nested))
    assert states(task) == ["ERROR", "ERROR"]


def test_a_wait_in_a_paused_task_is_paused_with_it(store: Store) -> None:
    task = store.root(2)
    (parent,) = store.claim()
    nested = store.promise(parent, 2)
    task.pause()
    store.record(act.waits(parent, nested))
    assert (state(task), states(task)) == (State.PAUSED, ["WAITING", "READY"])
    assert (state(nested), fresh(nested).pause_root) == (State.PAUSED, task.uuid)
    assert store.claim() == []
    task.resume()
    assert (state(task), state(nested)) == (State.WAITING, State.READY)
    store.drain()
    assert state(task) == State.SUCCESS


@pytest.mark.parametrize("stages", [0, 2, 1500])
def test_a_wait_in_a_cancelled_task_is_cancelled_with_it(store: Store, stages: int) -> None:
    task = store.root(2)
    (parent,) = store.claim()
    nested = store.promise(parent, stages)
    task.cancel(reason="enough")
    store.record(act.waits(parent, nested))
    store.settle()
    assert (state(nested), fresh(nested).message) == (State.CANCELED, "enough")
    assert (state(task), states(task)) == (State.CANCELED, ["CANCELED", "CANCELED"])
    assert fresh(task).finished_at is not None
    assert store.claim() == []


@pytest.mark.parametrize("bad", [0, 3, 7])
def test_one_poisonous_outcome_does_not_hold_up_the_others(store: Store, bad: int) -> None:
    """Given a batch of eight, one of which the database refuses, then that one is ERROR with the database's words."""
    task = store.root(8, parallel=True, on_error="CONTINUE")
    claims = store.claim()
    moves = [success(claim, "fine", "1") for claim in claims]
    moves[bad] = msgspec.structs.replace(moves[bad], response='"\ud800"')
    recorded = record(store.stage_command, moves)
    assert [row.uuid for row in recorded.ended] == [task.uuid]
    expected = ["SUCCESS"] * 8
    expected[bad] = "ERROR"
    assert states(task) == expected
    assert "surrogate" in stage(task, bad).error_message
    assert stage(task, bad).response == ""


def test_a_poisonous_post_mortem_is_left_out(store: Store) -> None:
    task = store.root(2, parallel=True, on_error="CONTINUE")
    one, two = store.claim()
    bad = error(one)
    assert bad.attempt is not None
    bad.attempt.stderr = "\udcff"
    record(store.stage_command, [bad, error(two, "its own")])
    assert states(task) == ["ERROR", "ERROR"]
    assert "surrogate" in stage(task).message
    assert stage(task, 1).message == "its own"


def test_a_nul_holds_up_nobody(store: Store) -> None:
    """Given a text with a NUL, which some databases take and others refuse, then the other stage is recorded."""
    task = store.root(2, parallel=True)
    one, two = store.claim()
    record(store.stage_command, [success(one, "a\0b"), success(two)])
    taken = TaskStage.objects.filter(message="a\0b").exists() if connection.vendor != "postgresql" else False
    assert states(task) == ["SUCCESS" if taken else "ERROR", "SUCCESS"]


def test_a_record_is_taken_back_whole_with_the_callers_transaction(live: Store) -> None:
    """Given an atomic stage that fails to commit, then its outcome and what ended by it are as if never said."""
    task = live.root(1, with_finally=True)
    (claim,) = live.claim()
    with transaction.atomic():
        live.record(success(claim))
        assert state(task) == State.SUCCESS
        transaction.set_rollback(True)
    assert (state(task), states(task)) == (State.RUNNING, ["RUNNING"])
    assert live.record(success(claim)).ended
    assert states(task) == ["SUCCESS", "READY"]


def test_a_cursor_is_kept_by_the_holder_of_the_token(store: Store) -> None:
    """Given a checkpoint, then it outlives a delay and a retry; one of a start that is over is refused."""
    task = store.root(1)
    (claim,) = store.claim()
    assert store.stage_command.checkpoint(claim.stage, claim.token, "[1]")
    store.record(later(claim))
    assert not store.stage_command.checkpoint(claim.stage, claim.token, "[2]")
    (again,) = store.claim()
    assert again.cursor == "[1]"
    store.stage_command.progress({again.stage: (claim.token, '[1, 9, "late"]')})
    assert stage(task).progress == ""
    store.stage_command.progress({again.stage: (again.token, '[2, 9, ""]')})
    assert stage(task).progress == '[2, 9, ""]'
    assert TaskStage.objects.filter(cursor="[1]").count() == 1
