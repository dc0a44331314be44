"""Handlers of the tasks that the tests of the admin look at."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django_tasks_poc import (
    EntityFinally,
    EntityWrapper,
    Outcome,
    RetryPolicy,
    TaskHandlerBase,
    TaskStageContext,
)


class Say(TaskHandlerBase):
    """Answer with a message and a response."""

    def __init__(self, message: str = "said", response: Any = None) -> None:
        self.message, self.response = message, response

    def handle(self, context: TaskStageContext) -> Outcome:
        return self.success(self.message, self.response)


class Fail(TaskHandlerBase):
    """Fail at each of two attempts."""

    retry = RetryPolicy(max_attempts=2)

    def __init__(self, message: str = "failed on purpose") -> None:
        self.message = message

    def handle(self, context: TaskStageContext) -> Outcome:
        raise ValueError(self.message)


class FanOut(TaskHandlerBase):
    """Wait for a nested task that says and fails side by side."""

    def __init__(self, good: int, bad: int = 0, title: str = "Rows", deeper: int = 0) -> None:
        self.good, self.bad, self.title, self.deeper = good, bad, title, deeper

    def handle(self, context: TaskStageContext) -> Outcome:
        nested = context.builder.create(self.title, shared={"level": self.deeper})
        nested.extend(EntityWrapper(Say, {"message": f"row {number}"}) for number in range(self.good))
        nested.extend(EntityWrapper(Fail) for _ in range(self.bad))
        if self.deeper:
            nested.add_stage(EntityWrapper(FanOut, {"good": 1, "deeper": self.deeper - 1}))
        return self.wait(context.builder.build(nested, context))


class Pause(TaskHandlerBase):
    """Pause the task."""

    def handle(self, context: TaskStageContext) -> Outcome:
        return self.pause("look at it first")


class Tell(EntityFinally):
    """Do nothing after the end."""

    def handle(self, uuid: UUID, outcome: Outcome) -> None:
        pass
