"""A stage pauses its task until somebody has decided; the same stage runs again when the task is resumed.

A paused task holds no process and survives restarts. Resume it with ``task.resume()`` or in the admin; who did it, and
why, is kept.
"""

from __future__ import annotations

from django_tasks_poc import EntityWrapper, Outcome, TaskBuilder, TaskDraft, TaskHandlerBase, TaskStageContext


class Approve(TaskHandlerBase):
    """Ask a person at the first start; a second one means that the task was resumed."""

    def __init__(self, amount: int) -> None:
        self.amount = amount

    def handle(self, context: TaskStageContext) -> Outcome:
        if context.cursor is None:
            context.checkpoint("asked")
            return self.pause(f"approve {self.amount} EUR")
        return self.success(f"{self.amount} EUR approved")


class Pay(TaskHandlerBase):
    """Begin only after the approval."""

    def handle(self, context: TaskStageContext) -> Outcome:
        return self.success("paid")


def draft(builder: TaskBuilder) -> TaskDraft:
    return builder.create("Pay an invoice", EntityWrapper(Approve, {"amount": 250}), EntityWrapper(Pay))
