"""What a running stage knows and may ask for."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from asgiref.sync import sync_to_async

from .entities import TaskResponse
from .exceptions import InvalidParams, TokenLost
from .messages import Link, Request
from .node import EntityNode, nodes
from .outcomes import ErrorInfo, Previous
from .results import NestedResults
from .serialization import from_json, load_response, reading, to_json
from .states import State

if TYPE_CHECKING:
    from .builder import TaskBuilder


class TaskStageContext:
    """The stage's place in its task, the outcome before it, and the line to its manager.

    ``deadline`` is the moment, in seconds of ``time.monotonic()``, at which the attempt is stopped.
    """

    def __init__(self, request: Request, link: Link, make_builder: Callable[[str], TaskBuilder]) -> None:
        self._request = request
        self._link = link
        self._make_builder = make_builder
        self.task: UUID = request.task
        self.stage: UUID = request.stage
        self.attempt: int = request.attempt
        self.deadline: float = time.monotonic() + request.timeout
        #: Nested tasks built with this context.
        self.built: list[UUID] = []

    @property
    def node(self) -> EntityNode:
        return nodes[self._request.node]

    @cached_property
    def builder(self) -> TaskBuilder:
        """Builds tasks on the stage's node."""
        return self._make_builder(self._request.node)

    @property
    def token(self) -> UUID:
        """The fencing token of this start."""
        return self._request.token

    @property
    def idempotency_key(self) -> str:
        """A key that is the same for every attempt of this stage, for services that take one."""
        return str(self.stage)

    @cached_property
    def shared(self) -> Any:
        """The data common to all stages of the task."""
        with reading("The shared context of the task"):
            return from_json(self._request.shared) if self._request.shared else None

    @cached_property
    def previous(self) -> Previous | None:
        """The outcome of the stage before; None for a first and for a parallel stage."""
        data = self._request.previous
        if data is None:
            return None
        error = None
        if data.state == State.ERROR:
            error = ErrorInfo(data.error_class, data.error_message, data.traceback)
        if data.nested is not None:
            response: Any = NestedResults(self._request.node, data.nested)
        else:
            with reading(f"The response of the stage before, {data.stage},"):
                response = load_response(data.response, data.response_type, TaskResponse)
        with reading(f"The state of the stage before, {data.stage},"):
            state = State(data.state)
        return Previous(data.stage, state, data.message, response, error)

    def progress(self, done: float, total: float, message: str = "") -> None:
        """Tell how far the stage is; shown, and lost with the process."""
        self._link.progress(done, total, str(message))

    @cached_property
    def cursor(self) -> Any:
        """The value of the last checkpoint, kept over delays, retries and restarts; None when there is none."""
        with reading("The cursor of the stage"):
            return from_json(self._request.cursor) if self._request.cursor else None

    def checkpoint(self, value: Any) -> None:
        """Keep ``value`` as the cursor; returns when it is committed, in an atomic stage with the writes so far."""
        text = to_json(value, "The checkpoint", InvalidParams)
        if not self._link.checkpoint(text):
            raise TokenLost(f"Stage {self.stage} is no longer run by this process.")
        self.cursor = value

    async def acheckpoint(self, value: Any) -> None:
        """Do the same from async code."""
        await sync_to_async(self.checkpoint)(value)
