"""A stage that takes too long is stopped, process and all; the limit is the handler's, else the draft's.

At the limit its process group gets SIGTERM and, if it does not end, SIGKILL. The stage beside it has a limit of its
own and is not touched.
"""

from __future__ import annotations

import time

from django_tasks_poc import EntityWrapper, Outcome, TaskBuilder, TaskDraft, TaskHandlerBase, TaskStageContext


class Download(TaskHandlerBase):
    """Hang; the draft's limit ends it."""

    def handle(self, context: TaskStageContext) -> Outcome:
        time.sleep(60)
        return self.success("downloaded")


class Upload(TaskHandlerBase):
    """Take longer than the draft allows, within a limit of its own."""

    timeout = 10

    def handle(self, context: TaskStageContext) -> Outcome:
        time.sleep(1.2)
        return self.success("uploaded")


def draft(builder: TaskBuilder) -> TaskDraft:
    return builder.create(
        "Copy in two directions", EntityWrapper(Download), EntityWrapper(Upload), parallel=True, timeout=1
    )
