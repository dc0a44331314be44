"""The backend: a function that is enqueued becomes a root task of one stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.dispatch import Signal
from django.utils import timezone

from ..builder import TaskBuilder
from ..entities import EntityWrapper
from ..exceptions import InvalidHandler
from ..node import EntityNode, nodes
from ..tasks_api import (
    BaseTaskBackend,
    InvalidTask,
    Task,
    TaskResult,
    TaskResultDoesNotExist,
    TaskResultStatus,
    normalize_json,
    task_enqueued,
    task_finished,
)
from ..words import meant, short
from .function import AnnounceEnd, CallFunction
from .results import enqueued_result
from .task import ProcessTask, find_task, refuse_limits

_OPTIONS = ("NODE",)
#: Characters of a queue's name, and of a task's title.
_MOST_QUEUE, _MOST_TITLE = 64, 255


class TaskManagerBackend(BaseTaskBackend):
    """Runs each task in a process of its own, by the managers of one node (``OPTIONS["NODE"]``)."""

    task_class = ProcessTask
    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    @property
    def node(self) -> EntityNode:
        """The node whose managers run the tasks; raises NodeNotConfigured."""
        return nodes[self.options.get("NODE", "default")]

    def validate_task(self, task: Task[..., Any]) -> None:
        super().validate_task(task)
        refuse_limits(task)

    def enqueue(self, task: Task[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> TaskResult[..., Any]:  # type: ignore[override]
        """Store the task in the caller's transaction, and return its result as of now.

        Raises InvalidTask for a function that no other process can find, TypeError and InvalidParams for arguments
        that are no JSON.
        """
        self.validate_task(task)
        path = task.module_path
        try:
            find_task(path)
        except InvalidHandler as error:
            raise InvalidTask(f"Another process could not run this task: {error}") from error
        stage = EntityWrapper(
            CallFunction,
            {
                "function": path,
                "args": _json(list(args), path),
                "kwargs": _json(dict(kwargs), path),
                "backend": self.alias,
                "run_after": task.run_after,
            },
        )
        builder = TaskBuilder(self.node)
        draft = builder.create(
            task.name[:_MOST_TITLE], stage,
            unique=False, queue=task.queue_name, priority=int(task.priority), run_after=_moment(task.run_after),
            timeout=getattr(task, "timeout", None), retry=getattr(task, "retry", None),
            finally_=EntityWrapper(AnnounceEnd, {"backend": self.alias}) if _is_heard(task_finished) else None,
        )  # fmt: skip
        row = builder.build(draft)
        result: TaskResult[..., Any] = TaskResult(
            task=task, id=str(row.uuid), status=TaskResultStatus.READY, enqueued_at=row.created_at,
            started_at=None, last_attempted_at=None, finished_at=None, args=list(args), kwargs=dict(kwargs),
            backend=self.alias, errors=[], worker_ids=[],
        )  # fmt: skip
        # Within the transaction, as what a receiver writes is to be taken back with it.
        task_enqueued.send_robust(type(self), task_result=result)
        return result

    def get_result(self, result_id: str) -> TaskResult[..., Any]:
        """Return the result as of now, in two queries.

        Raises TaskResultDoesNotExist unless this backend enqueued it, and where its function is gone.
        """
        try:
            uuid = UUID(str(result_id))
        except ValueError:
            raise TaskResultDoesNotExist(result_id) from None
        try:
            result = enqueued_result(self.node, self.alias, uuid)
        except InvalidHandler as error:
            raise TaskResultDoesNotExist(
                f"Task {result_id} cannot be read as a result, as its function was renamed or removed: {error}"
            ) from error
        if result is None:
            raise TaskResultDoesNotExist(result_id)
        return result

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Return an error for each thing in the backend's settings that would fail later."""
        return [*super().check(**kwargs), *self._errors()]

    def _errors(self) -> Iterator[CheckMessage]:
        where = f"TASKS[{self.alias!r}]"
        if not apps.is_installed("django_tasks_poc"):
            hint = "Add 'django_tasks_poc' to INSTALLED_APPS."
            yield Error(f"{where} needs an app that is not installed.", hint=hint, id="django_tasks_poc.E010")
        if not isinstance(self.options, Mapping):
            hint = 'Write OPTIONS as {"NODE": "default"}.'
            message = f"{where}['OPTIONS'] is {short(self.options)}; it must be a dict."
            yield Error(message, hint=hint, id="django_tasks_poc.E011")
            return
        for name in self.options:
            if name not in _OPTIONS:
                message = f"{where}['OPTIONS'] has the unknown key {short(name)}."
                yield Error(message, hint=meant(name, _OPTIONS), id="django_tasks_poc.E011")
        node = self.options.get("NODE", "default")
        if node not in list(nodes):
            message = f"{where}['OPTIONS']['NODE'] is {short(node)}, which is not in DJANGO_TASKS_POC['NODES']."
            yield Error(message, hint=meant(node, nodes), id="django_tasks_poc.E012")
        for queue in self.queues:
            if not isinstance(queue, str) or not 1 <= len(queue) <= _MOST_QUEUE:
                message = f"{where}['QUEUES'] holds {short(queue)}."
                hint = f"A queue has a name of 1 to {_MOST_QUEUE} characters."
                yield Error(message, hint=hint, id="django_tasks_poc.E013")


def _is_heard(signal: Signal) -> bool:
    """Say whether anybody listens but the framework, whose one receiver writes a line to its log."""
    return len(signal.receivers) > 1


def _json(value: Any, path: str) -> Any:
    try:
        return normalize_json(value)
    except TypeError as error:
        raise TypeError(
            f"The arguments of {path} must be JSON values: {error}. Pass the id of an object, not the object."
        ) from error


def _moment(run_after: datetime | None) -> datetime | None:
    """Return the time as a draft takes it: without USE_TZ the framework allows an aware one."""
    if run_after is not None and not settings.USE_TZ and timezone.is_aware(run_after):
        return timezone.make_naive(run_after)
    return run_after
