"""A finally runs once after its task has ended, in whatever way: here it removes what the task left behind.

It is a stage row of its own, last in the task, with retries of its own; it changes nothing about how the task ended.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from uuid import UUID

from django_tasks_poc import (
    EntityFinally,
    EntityWrapper,
    Outcome,
    TaskBuilder,
    TaskDraft,
    TaskHandlerBase,
    TaskStageContext,
)


class Export(TaskHandlerBase):
    """Write into a folder of the task's own."""

    def handle(self, context: TaskStageContext) -> Outcome:
        folder = folder_of(context.task)
        folder.mkdir(exist_ok=True)
        (folder / "orders.csv").write_text("order,total\n1,9.90\n")
        return self.success("exported", str(folder))


class Send(TaskHandlerBase):
    """Fail with the folder still there."""

    def handle(self, context: TaskStageContext) -> Outcome:
        return self.error("nobody answers")


class Tidy(EntityFinally):
    """Remove the folder; that it is gone already is no error, since a finally may be retried."""

    def handle(self, uuid: UUID, outcome: Outcome) -> None:
        shutil.rmtree(folder_of(uuid), ignore_errors=True)


def folder_of(task: UUID) -> Path:
    return Path(tempfile.gettempdir(), f"export-{task}")


def draft(builder: TaskBuilder) -> TaskDraft:
    stages = EntityWrapper(Export), EntityWrapper(Send)
    return builder.create("Send an export", *stages, finally_=EntityWrapper(Tidy))
