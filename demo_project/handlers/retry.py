"""A stage that failed is started again, as often and after as long as its retry policy says.

The first attempt raises, the second one loses its whole process, the third succeeds. Each failed attempt is kept with
its error, exit code or signal, memory, and what it printed.
"""

from __future__ import annotations

import os
import signal

from django_tasks_poc import (
    EntityWrapper,
    Outcome,
    RetryPolicy,
    TaskBuilder,
    TaskDraft,
    TaskHandlerBase,
    TaskStageContext,
)


class Fetch(TaskHandlerBase):
    """Succeed at the third attempt."""

    retry = RetryPolicy(max_attempts=3, delay=0.2, backoff=2, on=(ConnectionError,))  # a crash is retried in any case

    def handle(self, context: TaskStageContext) -> Outcome:
        if context.attempt == 1:
            raise ConnectionError("the line broke")
        if context.attempt == 2:
            os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory runs out
        return self.success(f"fetched at attempt {context.attempt}")


def draft(builder: TaskBuilder) -> TaskDraft:
    return builder.create("Fetch a page over a bad line", EntityWrapper(Fetch))
