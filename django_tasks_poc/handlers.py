"""What a user subclasses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from .entities import EntityFinally, EntityHandler, TaskResponse
from .exceptions import InvalidResponse
from .outcomes import Answer, Outcome
from .words import is_seconds, short

if TYPE_CHECKING:
    from .models import Task

__all__ = ["EntityFinally", "EntityHandler", "TaskHandlerBase", "TaskResponse"]


class TaskHandlerBase(EntityHandler):
    """A handler with helpers that make its answers."""

    def success(self, message: str = "", response: Any = None) -> Outcome:
        """The stage is done; the next one sees ``response``."""
        return Outcome(Answer.SUCCESS, str(message), response)

    def error(self, message: str = "", response: Any = None) -> Outcome:
        """The stage failed for good; raise instead to be retried."""
        return Outcome(Answer.ERROR, str(message), response)

    def wait(self, task: Task) -> Outcome:
        """Go on with the next stage when ``task``, built with this context, has ended."""
        if not isinstance(getattr(task, "uuid", None), UUID):
            raise InvalidResponse(f"wait takes the task that builder.build returned, not {task!r}.")
        return Outcome(Answer.WAIT, nested=task.uuid)

    def delay(self, seconds: float, reason: str = "") -> Outcome:
        """Run the stage again after some seconds; no attempt is spent."""
        if not is_seconds(seconds, 0):
            raise InvalidResponse(f"delay takes seconds from 0 to ten years, not {short(seconds)}.")
        return Outcome(Answer.DELAY, str(reason), seconds=float(seconds))

    def pause(self, reason: str = "") -> Outcome:
        """Pause the task; the stage runs again when it is resumed."""
        return Outcome(Answer.PAUSE, str(reason))

    def skip(self, reason: str = "") -> Outcome:
        """There is nothing to do; the task goes on."""
        return Outcome(Answer.SKIP, str(reason))

    def cancel(self, reason: str = "") -> Outcome:
        """Cancel the whole task."""
        return Outcome(Answer.CANCEL, str(reason))
