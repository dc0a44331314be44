"""A stage that raises fails, and the task stops there: what comes after it is canceled.

The exception is stored with its traceback. ``handle_error`` may change what is stored: here it adds a response that
says what to do. Repair the cause, and ``task.retry_failed()`` goes on where it stopped.
"""

from __future__ import annotations

from dataclasses import replace

from django_tasks_poc import EntityWrapper, Outcome, TaskBuilder, TaskDraft, TaskHandlerBase, TaskStageContext


class CardRefused(Exception):
    """The bank does not pay."""


class Reserve(TaskHandlerBase):
    """Succeed; what succeeded is not undone by a failure after it."""

    def handle(self, context: TaskStageContext) -> Outcome:
        return self.success("1 book reserved")


class Charge(TaskHandlerBase):
    """Fail."""

    def handle(self, context: TaskStageContext) -> Outcome:
        raise CardRefused("the card has expired")

    def handle_error(self, context: TaskStageContext, error: Outcome) -> Outcome:
        return replace(error, response={"ask for": "another card"})


class Ship(TaskHandlerBase):
    """Never begin."""

    def handle(self, context: TaskStageContext) -> Outcome:
        return self.success("shipped")


def draft(builder: TaskBuilder) -> TaskDraft:
    return builder.create("Sell a book", EntityWrapper(Reserve), EntityWrapper(Charge), EntityWrapper(Ship))
