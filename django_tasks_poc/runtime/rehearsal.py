"""A stage that is run before all others, in the process that they are forked from."""

from __future__ import annotations

from uuid import uuid4

from ..context import TaskStageContext
from ..handlers import TaskHandlerBase
from ..messages import Request
from ..node import nodes
from ..outcomes import Outcome


class Rehearsal(TaskHandlerBase):
    """Takes a param and answers with it, as most handlers do."""

    def __init__(self, number: int) -> None:
        self.number = number

    def handle(self, context: TaskStageContext) -> Outcome:
        return self.success("rehearsed", self.number)


def rehearsal() -> Request:
    """Return the request of a stage that touches no database."""
    path = f"{Rehearsal.__module__}.{Rehearsal.__qualname__}"
    return Request(uuid4(), uuid4(), uuid4(), next(iter(nodes)), path, '{"number": 1}')
