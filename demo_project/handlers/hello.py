"""A task of one stage: a handler is made from its params, and answers with a value.

The manager starts a process, makes ``Greet(name="world")`` in it, asks it to ``handle``, and stores the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from django_tasks_poc import (
    EntityWrapper,
    Outcome,
    TaskBuilder,
    TaskDraft,
    TaskHandlerBase,
    TaskResponse,
    TaskStageContext,
)


@dataclass(frozen=True)
class Greeting(TaskResponse):
    """What is stored for whoever reads the task later."""

    text: str


class Greet(TaskHandlerBase):
    """Greet somebody."""

    def __init__(self, name: str) -> None:
        self.name = name

    def handle(self, context: TaskStageContext) -> Outcome:
        return self.success("greeted", Greeting(f"Hello, {self.name}!"))


def draft(builder: TaskBuilder) -> TaskDraft:
    return builder.create("Say hello", EntityWrapper(Greet, {"name": "world"}))
