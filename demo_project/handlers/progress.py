"""A stage tells how far it is, for whoever watches; telling is cheap, so tell at every step.

It shows here while the stage runs, and in the admin. It is for people only and ends with the process: what has to last
is a response, or a checkpoint.
"""

from __future__ import annotations

import time

from django_tasks_poc import EntityWrapper, Outcome, TaskBuilder, TaskDraft, TaskHandlerBase, TaskStageContext


class Load(TaskHandlerBase):
    """Load some pages and tell after each."""

    def __init__(self, pages: int) -> None:
        self.pages = pages

    def handle(self, context: TaskStageContext) -> Outcome:
        for page in range(1, self.pages + 1):
            time.sleep(0.1)
            context.progress(page, self.pages, "pages loaded")
        return self.success(f"{self.pages} pages loaded")


def draft(builder: TaskBuilder) -> TaskDraft:
    return builder.create("Load pages", EntityWrapper(Load, {"pages": 20}))
