"""A handler may be async: one process awaits many answers at once.

Three pages of 0.4 seconds each take 0.4 seconds together. Use ``acheckpoint``, ``abuild`` and the async ORM inside.
"""

from __future__ import annotations

import asyncio

from django_tasks_poc import EntityWrapper, Outcome, TaskBuilder, TaskDraft, TaskHandlerBase, TaskStageContext


class FetchAll(TaskHandlerBase):
    """Fetch pages side by side, without a stage for each."""

    def __init__(self, pages: list[str]) -> None:
        self.pages = pages

    async def handle(self, context: TaskStageContext) -> Outcome:
        sizes = await asyncio.gather(*(fetch(page) for page in self.pages))
        return self.success(f"{len(sizes)} pages", dict(zip(self.pages, sizes, strict=True)))


async def fetch(page: str) -> int:
    """Return the size of a page; the waiting is real, the page is not."""
    await asyncio.sleep(0.4)
    return len(page) * 100


def draft(builder: TaskBuilder) -> TaskDraft:
    return builder.create("Fetch pages at once", EntityWrapper(FetchAll, {"pages": ["home", "news", "contact"]}))
