"""How the ends of tasks are read back: states, errors, attempts, and the signals that tell of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.dispatch import Signal

from django_tasks_poc import EntityWrapper, RetryPolicy
from django_tasks_poc.exceptions import InvalidHandler, InvalidParams, ProcessDied, TaskCanceled
from django_tasks_poc.models import StageAttempt, Task, TaskStage
from django_tasks_poc.tasks_api import (
    InvalidTask,
    TaskResultDoesNotExist,
    TaskResultStatus,
    task_backends,
    task_enqueued,
    task_finished,
    task_started,
)
from django_tasks_poc.testing import run_pending, run_task

from . import backend_tasks as tasks
from .building import build

pytestmark = [pytest.mark.django_db, pytest.mark.anywhere]

READY, RUNNING = TaskResultStatus.READY, TaskResultStatus.RUNNING
SUCCESSFUL, FAILED = TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED


def ended(task: Any, *args: Any) -> Any:
    """Enqueue a call, run it, and return its result."""
    result = task.enqueue(*args)
    run_pending()
    result.refresh()
    return result


@pytest.mark.parametrize(("kind", "value"), [("none", None), ("bytes", "text"), ("tuple", [1, [2]])])
def test_a_value_is_made_json(kind: str, value: Any) -> None:
    assert ended(tasks.give, kind).return_value == value


@pytest.mark.parametrize(("kind", "words"), [("object", "Unsupported type"), ("nan", "is no JSON number")])
def test_a_value_that_is_no_json_is_a_failure(kind: str, words: str) -> None:
    result = ended(tasks.give, kind)
    assert result.status == FAILED
    assert words in result.errors[0].traceback


@pytest.mark.parametrize(
    ("kind", "error", "last"),
    [
        ("ours", tasks.Refused, "really"),
        ("builtin", ValueError, "ValueError: bad"),
        ("plain", tasks.Refused, "Refused"),
    ],
)
def test_an_exception_is_told_with_its_class_and_traceback(kind: str, error: type[Exception], last: str) -> None:
    result = ended(tasks.fail, kind)

    assert (result.status, result.attempts, result.is_finished) == (FAILED, 1, True)
    (told,) = result.errors
    assert told.exception_class is error
    assert told.traceback.startswith("Traceback")
    assert told.traceback.rstrip().endswith(last)
    assert result.finished_at is not None
    with pytest.raises(ValueError, match="Task failed"):
        _ = result.return_value


def test_attempts_are_counted_and_their_errors_kept() -> None:
    result = ended(tasks.patient, 3)

    assert (result.status, result.return_value, result.attempts) == (SUCCESSFUL, 3, 3)
    assert [error.exception_class for error in result.errors] == [tasks.Refused, tasks.Refused]
    assert "attempt 2" in result.errors[1].traceback
    assert len(result.worker_ids) == 3
    assert result.started_at <= result.last_attempted_at <= result.finished_at


def test_what_never_succeeds_fails_after_its_attempts() -> None:
    result = ended(tasks.patient, 4)
    assert (result.status, result.attempts, len(result.errors)) == (FAILED, 3, 3)


def test_the_context_knows_its_task() -> None:
    result = ended(tasks.describe, "word")

    told = result.return_value
    assert told == {
        "word": "word",
        "attempt": 1,
        "id": result.id,
        "status": "RUNNING",
        "worker_ids": result.worker_ids,
        "errors": 0,
    }


def test_a_paused_task_is_ready_and_a_canceled_one_has_failed() -> None:
    result = tasks.add.enqueue(1)
    row = Task.objects.get(uuid=result.id)
    row.pause()
    result.refresh()
    assert result.status == READY

    row.cancel(reason="no longer wanted")
    run_pending()
    result.refresh()
    assert (result.status, result.attempts, result.worker_ids) == (FAILED, 0, [])
    (error,) = result.errors
    assert error.exception_class is TaskCanceled
    assert result.finished_at is not None


def test_a_failed_task_that_is_retried_has_not_ended() -> None:
    result = ended(tasks.fail)
    Task.objects.get(uuid=result.id).retry_failed()
    result.refresh()
    assert (result.status, result.finished_at, result.attempts) == (READY, None, 1)
    run_pending()
    result.refresh()
    assert (result.status, result.attempts) == (FAILED, 2)


@pytest.mark.parametrize(
    ("outcome", "kind"), [("timed_out", TimeoutError), ("crashed", ProcessDied), ("canceled", TaskCanceled)]
)
def test_a_process_that_was_stopped_is_told_as_an_exception(outcome: str, kind: type) -> None:
    result = ended(tasks.fail)
    StageAttempt.objects.update(outcome=outcome, message="Its process is gone.", traceback="", stderr="last words\n")
    result.refresh()
    (error,) = result.errors
    assert error.exception_class is kind
    assert error.traceback == "Its process is gone.\nlast words"


@pytest.mark.parametrize("outcome", ["lost", "interrupted"])
def test_a_start_that_was_lost_is_no_attempt(outcome: str) -> None:
    result = ended(tasks.patient, 2)
    StageAttempt.objects.update(outcome=outcome)
    result.refresh()
    assert (result.status, result.attempts, result.errors) == (SUCCESSFUL, 1, [])


@pytest.mark.parametrize("path", ["tests.backend_tasks.removed", "tests.backend_tasks.Refused", "no_such_module.task"])
def test_a_result_whose_function_is_gone_says_so(path: str) -> None:
    result = ended(tasks.add, 1)
    row = TaskStage.objects.get(task=result.id, order=0)
    TaskStage.objects.filter(uuid=row.uuid).update(params=row.params.replace("tests.backend_tasks.add", path))
    with pytest.raises(TaskResultDoesNotExist, match=rf"{result.id} .* renamed or removed: {path}"):
        task_backends["default"].get_result(result.id)


def test_a_state_that_nobody_knows_is_no_end() -> None:
    result = tasks.add.enqueue(1)
    TaskStage.objects.filter(task=result.id).update(state="MOVED")
    result.refresh()
    assert (result.status, result.finished_at) == (READY, None)


@contextmanager
def heard(*signals: Signal) -> Iterator[list[tuple[Signal, Any, str]]]:
    """Collect what the signals tell meanwhile."""
    told: list[tuple[Signal, Any, str]] = []

    def receive(signal: Signal, sender: Any, task_result: Any, **_: Any) -> None:
        told.append((signal, sender, task_result.status))

    for signal in signals:
        signal.connect(receive)
    try:
        yield told
    finally:
        for signal in signals:
            signal.disconnect(receive)


def test_signals_tell_of_each_start_and_of_the_end() -> None:
    with heard(task_enqueued, task_started, task_finished) as told:
        result = tasks.patient.enqueue(2)
        assert [(signal, status) for signal, _, status in told] == [(task_enqueued, READY)]
        run_pending()
    assert [(signal, status) for signal, _, status in told[1:]] == [
        (task_started, RUNNING),
        (task_started, RUNNING),
        (task_finished, SUCCESSFUL),
    ]
    assert {sender for _, sender, _ in told} == {type(result.task.get_backend())}


def test_the_end_is_announced_where_somebody_listens() -> None:
    tasks.add.enqueue(1)
    assert run_pending() == 1
    with heard(task_finished):
        tasks.add.enqueue(1)
        assert run_pending() == 2


def test_the_end_of_what_was_canceled_is_told() -> None:
    with heard(task_started, task_finished) as told:
        result = tasks.add.enqueue(1)
        Task.objects.get(uuid=result.id).cancel()
        run_pending()
    assert [(signal, status) for signal, _, status in told] == [(task_finished, FAILED)]


def test_a_receiver_that_fails_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def receive(**_: Any) -> None:
        raise tasks.Refused("by a receiver")

    signals = (task_enqueued, task_started, task_finished)
    for signal in signals:
        signal.connect(receive)
    try:
        assert ended(tasks.add, 1).status == SUCCESSFUL
    finally:
        for signal in signals:
            signal.disconnect(receive)
    assert caplog.text.count("by a receiver") >= 3


def test_limits_travel_with_the_task() -> None:
    policy = RetryPolicy(max_attempts=3)
    assert (tasks.patient.timeout, tasks.patient.retry) == (60, policy)
    assert tasks.patient.using(priority=5).timeout == 60
    assert tasks.succeed_at.timeout is None

    options = Task.objects.get(uuid=tasks.patient.enqueue(1).id).stored_options
    assert options.timeout == 60
    assert options.retry is not None
    assert options.retry.max_attempts == 3


@pytest.mark.parametrize(("limit", "value"), [("timeout", 0), ("timeout", "1"), ("retry", 3)])
def test_a_limit_that_cannot_be_kept_is_refused(limit: str, value: Any) -> None:
    with pytest.raises(InvalidTask, match=f"^{limit} is "):
        tasks.add.using(**{limit: value})


# The other way: a function as a stage.


def test_a_function_is_a_stage_of_any_task() -> None:
    task = run_task(
        build("Sum", EntityWrapper.from_task(tasks.add, a=2), EntityWrapper.from_task(tasks.describe, word="w"))
    )
    first, second = task.stages.order_by("order")
    assert first.response_value == 3
    assert (second.response_value["word"], second.response_value["attempt"]) == ("w", 1)


@pytest.mark.parametrize(
    ("task", "params", "error", "words"),
    [
        (tasks.plain, {}, InvalidHandler, "decorated with @task"),
        (tasks.renamed, {}, InvalidHandler, "is not this task"),
        (tasks.add, {"c": 1}, InvalidParams, r"backend_tasks\.add: missing a required argument: 'a'"),
        (tasks.add, {"a": object()}, InvalidParams, "no JSON form"),
    ],
)
def test_a_stage_that_cannot_call_its_function_is_refused(
    task: Any, params: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        EntityWrapper.from_task(task, **params)
