"""Tasks run in a test's process: the same inside the test's transaction and without one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.utils import timezone

from django_tasks_poc import EntityWrapper, State
from django_tasks_poc.models import ManagerProcess, Task
from django_tasks_poc.signals import stage_ended, stage_started, task_ended
from django_tasks_poc.testing import NotEnded, assert_failed, assert_succeeded, run_pending, run_task

from ..building import build
from ..storage.consistency import assert_consistent
from .handlers import (
    Again,
    Asynchronous,
    Atomic,
    Commits,
    Deeper,
    FanOut,
    Flaky,
    Goodbye,
    Iterates,
    Leaves,
    LeavesOpen,
    Pauses,
    Plain,
    Poll,
    Sum,
)

MARKS = {
    "in a transaction": pytest.mark.django_db,
    "without one": pytest.mark.django_db(transaction=True),
}


@pytest.fixture(autouse=True, params=[pytest.param(name, marks=mark, id=name) for name, mark in MARKS.items()])
def _held_to_the_rules(request: pytest.FixtureRequest, _django_db_helper: None) -> Iterator[None]:
    assert connection.in_atomic_block is (request.param == "in a transaction")
    yield
    assert_consistent()
    assert not ManagerProcess.objects.exists()


def groups() -> list[str]:
    return sorted(Group.objects.values_list("name", flat=True))


def one_stage(task: Task) -> Any:
    return task.stages.get(order=0)


def test_a_join_gets_successes_and_failures() -> None:
    task = run_task(build("Sum", EntityWrapper(FanOut, {"numbers": [1, -1, 3]}), EntityWrapper(Sum)))
    assert_succeeded(task)
    assert (task.message, task.response_value) == ("1 failed", 8)


def test_a_retry_is_not_waited_for() -> None:
    task = run_task(build("Flaky", EntityWrapper(Flaky)))
    assert_succeeded(task)
    assert [attempt.message for attempt in one_stage(task).attempts.all()] == [
        "ConnectionError: attempt 1",
        "ConnectionError: attempt 2",
    ]


def test_a_delay_is_not_waited_for_and_its_cursor_and_progress_are_kept() -> None:
    task = run_task(build("Poll", EntityWrapper(Poll, {"times": 3})))
    stage = one_stage(task)
    assert (task.message, stage.start, stage.attempt) == ("looked 3 times", 4, 1)
    assert stage.progress == '[3,3,"looks"]'


@pytest.mark.parametrize("option", ["delay", "run_after"])
def test_a_task_for_later_runs_at_once(option: str) -> None:
    later: Any = 3600.0 if option == "delay" else timezone.now() + timedelta(hours=1)
    task = run_task(build("Later", EntityWrapper(Poll, {"times": 0}), **{option: later}))
    assert_succeeded(task)
    assert task.finished_at is not None
    assert task.finished_at < timezone.now() + timedelta(minutes=1)


def test_what_is_due_first_runs_first() -> None:
    order: list[str] = []

    def note(**event: Any) -> None:
        order.append(event["title"])

    task_ended.connect(note)
    try:
        for title, delay in (("late", 7200.0), ("early", 60.0), ("now", None)):
            build(title, EntityWrapper(Poll, {"times": 0}), delay=delay)
        assert run_pending() == 3
    finally:
        task_ended.disconnect(note)
    assert order == ["now", "early", "late"]


def test_the_finally_runs_after_any_end() -> None:
    failed = run_task(build("Fails", EntityWrapper(Plain), finally_=EntityWrapper(Goodbye)))
    assert_failed(failed, "there is one already")
    assert groups() == ["first", "goodbye: ERROR", "told"]


def test_only_the_tree_of_the_task_is_run() -> None:
    other = build("Other", EntityWrapper(Poll, {"times": 0}))
    assert_succeeded(run_task(build("Mine", EntityWrapper(FanOut, {"numbers": [1]}))))
    other.refresh_from_db()
    assert other.state == State.READY


@pytest.mark.parametrize("fails", [False, True])
def test_an_atomic_stage_commits_to_its_checkpoint(fails: bool) -> None:
    task = run_task(build("Atomic", EntityWrapper(Atomic, {"fails": fails})))
    assert (task.state, groups()) == ("ERROR", ["before"]) if fails else ("SUCCESS", ["before", "behind"])
    assert one_stage(task).cursor == '"kept"'


def test_a_statement_that_fails_breaks_only_itself() -> None:
    assert_failed(run_task(build("Plain", EntityWrapper(Plain))), "there is one already")
    assert groups() == ["first", "told"]


def test_async_handlers_write_in_the_same_transaction() -> None:
    assert run_task(build("Async", EntityWrapper(Asynchronous))).message == "async"


@pytest.mark.parametrize("savepoint", [False, True])
def test_a_transaction_that_is_left_open_is_taken_back(savepoint: bool) -> None:
    task = run_task(build("Open", EntityWrapper(LeavesOpen, {"savepoint": savepoint}), finally_=EntityWrapper(Goodbye)))
    assert_failed(task, "left a transaction open on default, which is rolled back")
    assert groups() == ["goodbye: ERROR"]


def test_a_cursor_outlives_the_statements_beside_it() -> None:
    assert_succeeded(run_task(build("Iterates", EntityWrapper(Iterates))))
    assert groups() == ["aa", "bb", "cc"]


def test_callbacks_of_a_commit_are_called() -> None:
    assert_succeeded(run_task(build("Commits", EntityWrapper(Commits))))
    assert groups() == ["after the commit", "inside"]


def test_the_end_of_the_process_is_a_crash_and_is_retried() -> None:
    task = run_task(build("Leaves", EntityWrapper(Leaves)))
    assert_failed(task, "exit code 3")
    assert [attempt.outcome for attempt in one_stage(task).attempts.all()] == ["crashed", "crashed"]


def test_a_task_that_pauses_says_so_and_goes_on_when_it_is_resumed() -> None:
    task = build("Pauses", EntityWrapper(Pauses))
    with pytest.raises(NotEnded, match=r"“Pauses” is paused: look at it first\. Resume it") as error:
        run_task(task)
    assert "1. Pauses  PAUSED  look at it first" in str(error.value)
    assert run_pending() == 0
    task.resume()
    assert_succeeded(run_task(task))


@pytest.mark.parametrize("run", ["task", "pending"])
def test_a_task_without_an_end_is_an_error(run: str) -> None:
    task = build("Endless", EntityWrapper(Poll, {"times": 10**6}))
    words = "“Endless” is not over after 20 starts, of which stage “1. Poll” of “Endless” took 20"
    with pytest.raises(NotEnded, match=words):
        run_task(task, max_starts=20) if run == "task" else run_pending(max_starts=20)


def test_other_ways_to_go_on_for_ever_are_errors_too() -> None:
    build("Again", EntityWrapper(Again), unique=False)
    with pytest.raises(NotEnded, match="not over after 10 starts"):
        run_pending(max_starts=10)
    with pytest.raises(NotEnded, match="“Deep” is not over after 10 starts"):
        run_task(build("Deep", EntityWrapper(Deeper)), max_starts=10)


def test_a_task_that_somebody_works_on_is_an_error() -> None:
    task = build("Busy", EntityWrapper(Poll, {"times": 0}))

    class Boom(BaseException):
        pass

    def explode(**event: Any) -> None:
        raise Boom

    stage_started.connect(explode)
    try:
        with pytest.raises(Boom):
            run_task(task)
    finally:
        stage_started.disconnect(explode)
    with pytest.raises(NotEnded, match=r"held up by stage “1\. Poll”, which is RUNNING"):
        run_task(task)


def test_what_is_no_task_is_refused() -> None:
    draft: Any = build
    with pytest.raises(TypeError, match="run_task takes the task that build returned, not <function build"):
        run_task(draft)


def test_the_signals_are_those_of_a_manager() -> None:
    told: list[tuple[str, str]] = []

    def note(signal: Any, **event: Any) -> None:
        told.append(("ended" if signal is stage_ended else "task", event["state"]))

    for signal in (stage_ended, task_ended):
        signal.connect(note)
    try:
        run_task(build("Atomic", EntityWrapper(Atomic, {"fails": False})))
        run_task(build("Flaky", EntityWrapper(Flaky)))
    finally:
        for signal in (stage_ended, task_ended):
            signal.disconnect(note)
    ends = [("ended", "SUCCESS"), ("task", "SUCCESS")]
    assert told == [*ends, ("ended", "READY"), ("ended", "READY"), *ends]
