"""Rows as results of Django's tasks framework; two queries each."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from ..entities import FUNCTION_HANDLER
from ..exceptions import ProcessDied, TaskCanceled
from ..node import EntityNode
from ..serialization import class_path, reading
from ..states import State
from ..tasks_api import InvalidTask, Task, TaskError, TaskResult, TaskResultStatus
from .task import find_task

if TYPE_CHECKING:
    from ..models import StageAttempt, TaskStage

_STATUS = {
    State.PROMISED: TaskResultStatus.READY,
    State.READY: TaskResultStatus.READY,
    State.PAUSED: TaskResultStatus.READY,
    State.RUNNING: TaskResultStatus.RUNNING,
    State.WAITING: TaskResultStatus.RUNNING,
    State.SUCCESS: TaskResultStatus.SUCCESSFUL,
    State.SKIPPED: TaskResultStatus.SUCCESSFUL,
    State.ERROR: TaskResultStatus.FAILED,
    State.CANCELED: TaskResultStatus.FAILED,
}


class _Call(msgspec.Struct):
    """The params of the stage that calls the function."""

    function: str
    args: list[Any]
    kwargs: dict[str, Any]
    backend: str = ""
    run_after: datetime | None = None


def enqueued_result(node: EntityNode, backend: str, task: UUID) -> TaskResult[..., Any] | None:
    """Return the result of a task that the backend of this alias enqueued; None when it did not."""
    from ..models import TaskStage  # the backend is imported before the apps are ready

    rows = TaskStage.objects.using(node.database).steps().filter(task=task, order=0, task__node=node.label)
    stage = _read(rows.filter(handler=FUNCTION_HANDLER, task__purging=False))
    if stage is None:
        return None
    call = _call_of(stage)
    return _result(stage, call) if call.backend == backend else None


def stage_result(node: EntityNode, stage: UUID) -> TaskResult[..., Any]:
    """Return the result of a stage that calls a function, as its own process sees it."""
    from ..models import TaskStage

    found = _read(TaskStage.objects.using(node.database).filter(uuid=stage))
    assert found is not None  # it runs
    return _result(found, _call_of(found))


def _read(rows: Any) -> TaskStage | None:
    wide = ("task__shared", "task__options", "task__response", "task__message")
    found: TaskStage | None = rows.select_related("task").defer(*wide).first()
    return found


def _call_of(stage: TaskStage) -> _Call:
    with reading(f"The params of stage {stage.uuid}"):
        return msgspec.json.decode(stage.params, type=_Call)


def _result(stage: TaskStage, call: _Call) -> TaskResult[..., Any]:
    task, attempts = stage.task, _counted(stage)
    # One that nobody knows, as from a newer version, keeps its stage where it is.
    state = State(stage.state) if stage.state in State.values else State.PAUSED
    if task.state == State.CANCELED and state in (State.READY, State.PAUSED):
        state = State.CANCELED  # It is closed in a moment, and never begins.
    result: TaskResult[..., Any] = TaskResult(
        task=_task_of(stage, call), id=str(task.uuid if call.backend else stage.uuid), status=_STATUS[state],
        enqueued_at=task.created_at, started_at=stage.started_at,
        finished_at=(stage.finished_at or task.finished_at) if state.is_final else None,
        last_attempted_at=_last_attempt(stage, state, attempts), args=call.args, kwargs=call.kwargs,
        backend=call.backend or find_task(call.function).backend,
        errors=_errors(stage, state, attempts), worker_ids=_workers(stage, state, attempts),
    )  # fmt: skip
    if state == State.SUCCESS:
        value = stage.response_value
        object.__setattr__(result, "_return_value", value.value if call.backend else value)
    return result


def _task_of(stage: TaskStage, call: _Call) -> Task[..., Any]:
    task = find_task(call.function)
    if not call.backend:
        return task
    how: dict[str, Any] = {
        "priority": stage.task.priority,
        "queue_name": stage.task.queue,
        "run_after": call.run_after,
        "backend": call.backend,
    }
    try:
        return task.using(**how)
    except InvalidTask:
        # It was right when it was enqueued: a queue may have been taken out of the settings since.
        copied = copy.copy(task)
        for name, value in how.items():
            object.__setattr__(copied, name, value)
        return copied


def _counted(stage: TaskStage) -> list[StageAttempt]:
    """Return the starts that count as attempts and failed; one that was lost or interrupted is begun anew for free."""
    from ..models import AttemptOutcome

    free = (AttemptOutcome.LOST, AttemptOutcome.INTERRUPTED)
    return [attempt for attempt in stage.attempts.order_by("start") if attempt.outcome not in free]


def _workers(stage: TaskStage, state: State, attempts: Sequence[StageAttempt]) -> list[str]:
    workers = [str(attempt.manager) for attempt in attempts]
    if state == State.RUNNING:
        workers.append(str(stage.manager))
    elif state == State.SUCCESS:
        workers.append(getattr(stage.response_value, "worker", ""))
    return workers


def _last_attempt(stage: TaskStage, state: State, attempts: Sequence[StageAttempt]) -> datetime | None:
    if state == State.SUCCESS and stage.finished_at is not None and stage.duration is not None and stage.start > 1:
        return stage.finished_at - timedelta(seconds=stage.duration)
    if attempts and (state != State.RUNNING):
        return attempts[-1].started_at or attempts[-1].ended_at
    return attempts[-1].ended_at if attempts else stage.started_at


def _errors(stage: TaskStage, state: State, attempts: Sequence[StageAttempt]) -> list[TaskError]:
    errors = [_error(attempt) for attempt in attempts]
    if state == State.CANCELED and not (attempts and attempts[-1].outcome == "canceled"):
        errors.append(TaskError(exception_class_path=class_path(TaskCanceled), traceback=stage.message))
    elif state == State.ERROR and not errors:
        # Not of an attempt: its start was lost too often, or its row cannot be read.
        path = stage.error_class or class_path(ProcessDied)
        errors.append(TaskError(exception_class_path=path, traceback=stage.traceback or stage.message))
    return errors


def _error(attempt: StageAttempt) -> TaskError:
    if attempt.outcome == "error" and (path := _raised(attempt)):
        return TaskError(exception_class_path=path, traceback=attempt.traceback)
    kind = {"timed_out": TimeoutError, "canceled": TaskCanceled}.get(attempt.outcome, ProcessDied)
    words = [attempt.message, attempt.stderr.rstrip()]
    return TaskError(exception_class_path=class_path(kind), traceback="\n".join(filter(None, words)))


def _raised(attempt: StageAttempt) -> str:
    """Return the path of the exception's class: its name begins the message, and a line of the trace has it whole."""
    name = attempt.message.partition(":")[0].strip()
    found = re.findall(rf"^((?:\w+\.)*{re.escape(name)})(?::|$)", attempt.traceback, re.MULTILINE)
    if not found:
        return ""
    return found[-1] if "." in found[-1].removesuffix(name) else f"builtins.{name}"
