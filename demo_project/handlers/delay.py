"""A stage that has to wait for something asks to be run again later, and holds no process meanwhile.

A delay is no failure: it spends no attempt. The checkpoint is kept over delays, retries and restarts, so that each
start knows what the ones before it did.
"""

from __future__ import annotations

from django_tasks_poc import EntityWrapper, Outcome, TaskBuilder, TaskDraft, TaskHandlerBase, TaskStageContext


class Poll(TaskHandlerBase):
    """Ask until the printer is ready."""

    def handle(self, context: TaskStageContext) -> Outcome:
        asked = (context.cursor or 0) + 1
        if asked < 3:
            context.checkpoint(asked)
            return self.delay(0.5, "the printer is busy")
        return self.success(f"the printer is ready, asked {asked} times")


def draft(builder: TaskBuilder) -> TaskDraft:
    return builder.create("Poll a printer", EntityWrapper(Poll))
