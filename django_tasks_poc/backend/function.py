"""The stages behind a task of Django's framework: one calls the function, one says that all is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ..entities import EntityFinally, TaskResponse
from ..handlers import TaskHandlerBase
from ..outcomes import Outcome
from ..tasks_api import TaskContext, normalize_json, task_backends, task_finished, task_started
from .results import stage_result
from .task import find_task

if TYPE_CHECKING:
    from ..context import TaskStageContext


@dataclass(frozen=True)
class Returned(TaskResponse):
    """What an enqueued function returned, and which manager ran it."""

    value: Any
    worker: str


class CallFunction(TaskHandlerBase):
    """Calls the function of a task object, which is found by its path.

    ``backend`` is the alias of the backend that enqueued it; empty in a draft (``EntityWrapper.from_task``), where the
    response is what the function returned.
    """

    def __init__(
        self,
        function: str,
        args: list[Any],
        kwargs: dict[str, Any],
        backend: str = "",
        run_after: datetime | None = None,
    ) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.backend = backend

    def handle(self, context: TaskStageContext) -> Outcome:
        task = find_task(self.function)
        if not self.backend and not task.takes_context:
            return self.success("", normalize_json(task.call(*self.args, **self.kwargs)))
        result = stage_result(context.node, context.stage)
        if self.backend:
            task_started.send_robust(type(task_backends[self.backend]), task_result=result)
        before = [TaskContext(task_result=result)] if task.takes_context else []
        value = normalize_json(task.call(*before, *self.args, **self.kwargs))
        if not self.backend:
            return self.success("", value)
        # The row forgets who ran it when it ends. Nobody does when it is tried by hand.
        return self.success("", Returned(value, result.worker_ids[-1] if result.worker_ids else ""))


class AnnounceEnd(EntityFinally):
    """Sends ``task_finished`` once the end is committed, however the task ended: a killed function cannot tell."""

    def __init__(self, backend: str) -> None:
        self.backend = backend

    def handle(self, uuid: UUID, outcome: Outcome) -> None:
        backend = task_backends[self.backend]
        task_finished.send_robust(type(backend), task_result=backend.get_result(str(uuid)))
