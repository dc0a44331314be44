"""The manager's purge of what ended long ago: now and then, in pieces, beside its work."""

from __future__ import annotations

import asyncio
import logging
import time
from uuid import UUID

from ..conf import config
from ..processing import Processing
from ..purging import Kept, PurgeCursor, words
from ..texts import one_line
from .database import Database

logger = logging.getLogger("django_tasks_poc")

#: Seconds between two looks, at the most and at the least.
_SELDOM, _OFTEN = 60.0, 1.0
#: After a piece the database is left to the others for so many times as long as the piece took.
_SHARE = 4


class Purger:
    """Deletes trees as PURGE_AFTER says; without it, finishes only those that a killed purge has left half deleted."""

    def __init__(self, database: Database, processing: Processing) -> None:
        self._database = database
        self._processing = processing
        #: The trees that the last round had to keep, of which somebody was told.
        self._told: set[UUID] = set()

    async def run(self) -> None:
        """Look, and look again."""
        after = config().purge_after
        pause = _SELDOM if after is None else min(_SELDOM, max(_OFTEN, after))
        while True:
            await self._round()
            await asyncio.sleep(pause)

    async def _round(self) -> None:
        cursor: PurgeCursor | None = PurgeCursor()
        trees, stages, kept = 0, 0, set()
        while cursor is not None:
            began = time.monotonic()
            purged = await self._database.call(self._processing.purge, cursor)
            trees, stages, cursor = trees + purged.trees, stages + purged.stages, purged.next
            for tree in purged.kept:
                kept.add(tree.task)
                self._tell(tree)
            await asyncio.sleep(_SHARE * (time.monotonic() - began))
        self._told = kept
        if trees or stages:  # Of a large tree, the root may have gone with a piece of another manager's.
            logger.info("%s", words(trees, stages))

    def _tell(self, kept: Kept) -> None:
        """Tell of a tree once, not in each round."""
        if kept.task not in self._told:
            title, reason = one_line(kept.title), one_line(kept.reason, 300)
            logger.warning("“%s” (%s) is kept: %s.", title, kept.task, reason)
