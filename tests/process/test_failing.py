"""How one stage ends, in every way there is, and what is kept of it: many tasks, one drain."""

from __future__ import annotations

import signal

import pytest
from django.contrib.auth.models import Group

from django_tasks_poc import State, TaskBuilder, TaskExists
from django_tasks_poc.models import StageAttempt, Task, TaskStage

from ..support import run_manager
from . import scenarios
from .scenarios import attempts, states
from .witness import notes

pytestmark = pytest.mark.django_db

COLD = ("crash", "timeout", "delayed answer", "keeps", "atomic raise", "async atomic")


@pytest.fixture(scope="module")
def ended(shared_database: None) -> dict[str, Task]:
    """All tasks of the scenarios, run by one manager."""
    return scenarios.run(scenarios.ends(), "--queue-size", "8")


@pytest.fixture(scope="module")
def resumed(ended: dict[str, Task]) -> Task:
    """The task that paused itself, and did not hold the manager, after somebody resumed it."""
    task = ended["paused"]
    assert (task.state, task.message, stage_of(task).state) == ("PAUSED", "ask the accountant", "PAUSED")
    assert notes("finally of paused") == []
    with pytest.raises(TaskExists):
        TaskBuilder().build(scenarios.create({"paused": scenarios.ends()["paused"]})["paused"])
    assert task.resume("he said yes", by="me")
    assert run_manager().returncode == 0
    task.refresh_from_db()
    return task


@pytest.fixture(scope="module")
def cold(ended: dict[str, Task]) -> dict[str, Task]:
    """Some of them once more, each stage in a cold process."""
    Group.objects.all().delete()
    some = {name: scenarios.ends()[name] for name in COLD}
    return scenarios.run(some, "--executor", "subprocess")


def stage_of(task: Task) -> TaskStage:
    return task.stages.steps().get()


def groups(name: str) -> list[str]:
    return sorted(Group.objects.filter(name__startswith=name).values_list("name", flat=True))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("raised", "ValueError: row 13 is bad"),
        ("answered error", "refused"),
        ("none", "InvalidHandler: Answers.handle returned None; return self.success(...), or another helper"),
        ("wrong", "InvalidHandler: Answers.handle returned {'state': 'SUCCESS'}; return self.success(...)"),
        ("huge", "InvalidResponse: The response has 1,048,578 bytes of JSON; MAX_RESPONSE_SIZE allows 1,048,576."),
        ("forget", "InvalidHandler: Answers.handle built nested task"),
        ("exit 0", "Its process ended with exit code 0 and sent no outcome."),
        ("crash", "Its process died of signal 11 (SIGSEGV)."),
        ("timeout", "TimeoutError: it ran longer than 1 s."),
        ("draft's timeout", "TimeoutError: it ran longer than 1 s."),
        ("not retried", "ValueError: row 13 is bad"),
    ],
)
def test_an_error_says_what_happened(ended: dict[str, Task], name: str, message: str) -> None:
    task, stage = ended[name], stage_of(ended[name])
    assert (task.state, stage.state) == (State.ERROR, State.ERROR)
    assert stage.message[: len(message)] == message[: len(stage.message)]
    assert task.message == stage.message
    assert stage.error is not None
    assert len(attempts(task)) == 1


def test_an_exception_is_kept_with_its_class_and_traceback(ended: dict[str, Task]) -> None:
    error = stage_of(ended["raised"]).error
    assert error is not None
    assert (error.class_path, error.message) == ("builtins.ValueError", "row 13 is bad")
    assert 'raise ValueError("row 13 is bad")' in error.traceback
    (attempt,) = StageAttempt.objects.filter(stage__task=ended["raised"])
    assert attempt.traceback == error.traceback


@pytest.mark.parametrize(
    ("name", "outcome", "code", "number"),
    [
        ("raised", "error", 0, None),
        ("exit 0", "crashed", 0, None),
        ("crash", "crashed", None, signal.SIGSEGV),
        ("timeout", "timed_out", None, signal.SIGTERM),
    ],
)
def test_a_failed_start_has_a_post_mortem(
    ended: dict[str, Task], name: str, outcome: str, code: int | None, number: int | None
) -> None:
    (attempt,) = StageAttempt.objects.filter(stage__task=ended[name])
    assert (attempt.outcome, attempt.exit_code, attempt.signal) == (outcome, code, number)
    assert attempt.max_rss > 10_000  # KiB
    assert attempt.user_cpu + attempt.system_cpu < 1
    assert attempt.pid
    assert attempt.host
    assert attempt.started_at <= attempt.ended_at


def test_what_a_stage_printed_last_is_kept(ended: dict[str, Task]) -> None:
    assert StageAttempt.objects.get(stage__task=ended["exit 0"]).stderr == "leaving\n"


def test_a_timeout_takes_its_time_and_no_more(ended: dict[str, Task]) -> None:
    assert 1 <= stage_of(ended["timeout"]).duration < 3


def test_a_large_response_arrives_whole(ended: dict[str, Task]) -> None:
    assert len(ended["large"].response_value) == 1_000_000


def test_what_no_database_takes_is_replaced(ended: dict[str, Task]) -> None:
    assert (ended["poison"].message, ended["poison"].response_value) == ("nul ␀ and half a pair ?", "fine")


def test_a_nested_task_that_was_forgotten_is_gone(ended: dict[str, Task]) -> None:
    assert not Task.objects.filter(title="forgotten").exists()


@pytest.mark.parametrize(
    ("name", "how", "outcome"),
    [
        ("retried error", "OSError", "error"),
        ("retried crash", "crash", "crashed"),
        ("retried timeout", "hang", "timed_out"),
    ],
)
def test_a_failed_attempt_is_made_again(ended: dict[str, Task], name: str, how: str, outcome: str) -> None:
    task = ended[name]
    assert (task.state, task.message) == (State.SUCCESS, "attempt 3")
    assert attempts(task) == [(1, 1, outcome), (2, 2, outcome)]
    first, second, third = notes(f"flaky {how}")
    assert [first["attempt"], second["attempt"], third["attempt"]] == [1, 2, 3]
    assert first["key"] == second["key"] == third["key"]
    assert second["at"] - first["at"] >= 0.2
    assert third["at"] - second["at"] >= 0.4  # the backoff doubled it


def test_a_stage_has_the_retries_of_its_draft_where_its_class_has_none(ended: dict[str, Task]) -> None:
    assert attempts(ended["draft's retry"]) == [(1, 1, "error"), (2, 2, "error")]
    assert stage_of(ended["draft's retry"]).state == State.ERROR


def test_a_delay_spends_no_attempt(ended: dict[str, Task]) -> None:
    task, stage = ended["delayed answer"], stage_of(ended["delayed answer"])
    assert (task.message, stage.attempt, stage.start) == ("turn 3 in attempt 1", 1, 3)
    assert attempts(task) == []
    turns = [turn["at"] for turn in notes("delays")]
    assert turns[1] - turns[0] >= 0.3
    assert turns[2] - turns[1] >= 0.3


def test_a_cursor_is_kept_over_an_error_a_delay_and_a_crash(ended: dict[str, Task]) -> None:
    task, stage = ended["keeps"], stage_of(ended["keeps"])
    assert (task.message, task.response_value) == ("kept", [1, 2, 2, 3])
    assert (stage.start, stage.attempt) == (4, 3)
    assert attempts(task) == [(1, 1, "error"), (3, 2, "crashed")]


def test_handle_error_decides_what_is_stored(ended: dict[str, Task]) -> None:
    error, skip, worse = (stage_of(ended[f"changed {how}"]) for how in ("to error", "to skip", "by raising"))
    assert (error.state, error.message, error.response_value) == (State.ERROR, "changed", {"row": 4})
    assert (skip.state, skip.message, ended["changed to skip"].state) == (State.SKIPPED, "it was gone", State.SUCCESS)
    assert (worse.state, worse.message) == (State.ERROR, "RuntimeError: worse")
    # It is asked before a retry is decided, with the exception; the changed error is still that of the exception.
    asked = notes("handle_error")
    assert {(line["error"], line["message"]) for line in asked} == {
        ("LookupError('no such row')", "LookupError: no such row")
    }
    assert (error.attempt, skip.attempt, worse.attempt) == (2, 1, 2)


def test_a_stage_that_pauses_its_task_runs_again_when_that_is_resumed(resumed: Task) -> None:
    assert (resumed.state, resumed.message) == (State.SUCCESS, "resumed in attempt 1")
    assert len(notes("finally of paused")) == 1
    assert [(event.verb, event.reason, event.by) for event in resumed.events.all()] == [("resume", "he said yes", "me")]


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("atomic success", ["atomic success"]),
        ("atomic skip", ["atomic skip"]),
        ("atomic error", []),
        ("atomic raise", ["atomic raise failed"]),
        ("atomic crash", []),
        ("atomic checkpoint", ["atomic checkpoint", "atomic checkpoint failed"]),
        ("async atomic", ["async atomic"]),
        ("async rollback", []),
        ("async checkpoint", ["async checkpoint"]),
        ("async error", ["async error"]),
    ],
)
def test_rows_of_an_atomic_stage_are_there_if_and_only_if_its_outcome_is(
    ended: dict[str, Task], name: str, rows: list[str]
) -> None:
    assert groups(name) == rows


def test_async_handlers_have_the_orm_and_the_helpers(ended: dict[str, Task]) -> None:
    assert (ended["async"].message, ended["async"].response_value) == ("written", {"rows": 1})
    assert ended["async atomic"].response_value == {"rows": 1}
    assert ended["async error"].message == "async OSError: async, cursor is False"
    assert ended["async checkpoint"].message == "async OSError: async, cursor is True"


@pytest.mark.parametrize("name", COLD)
def test_the_same_happens_in_cold_processes(ended: dict[str, Task], cold: dict[str, Task], name: str) -> None:
    task, wanted = cold[name], ended[name]
    assert (task.state, task.message, states(task)) == (wanted.state, wanted.message, states(wanted))
    assert attempts(task) == attempts(wanted)
