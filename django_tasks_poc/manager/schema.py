"""The tables that a manager works on: where they lack migrations, it waits for somebody to apply them."""

from __future__ import annotations

import asyncio
import logging

from ..processing import Processing
from .database import Database
from .options import TaskManagerOptions
from .stopping import Stop

logger = logging.getLogger("django_tasks_poc")

#: Seconds within which a migration that took tables away is noted, behind that, and seconds between two looks.
_NOTED_WITHIN, _LOOK = 5.0, 0.1


class Schema:
    """Asked before a manager begins, and when the tables turn out to be others than it knows."""

    def __init__(self, database: Database, processing: Processing, options: TaskManagerOptions, stop: Stop) -> None:
        self._database = database
        self._processing = processing
        self._options = options
        self._stop = stop

    async def is_complete(self) -> bool:
        """Say whether all migrations of this package are applied."""
        return await self._database.call(self._processing.unapplied) is None

    async def turns_out_incomplete(self) -> bool:
        """Say whether tables are missed because migrations were taken back; once asked to stop, nobody need know."""
        looking = asyncio.ensure_future(self._look_again())
        stopping = asyncio.ensure_future(self._stop.requested.wait())
        try:
            done, _ = await asyncio.wait([looking, stopping], return_when=asyncio.FIRST_COMPLETED)
            return looking.result() if looking in done else True
        finally:
            for future in (looking, stopping):
                future.cancel()

    async def _look_again(self) -> bool:
        for _ in range(int(_NOTED_WITHIN / _LOOK)):
            if not await self.is_complete():
                return True
            await asyncio.sleep(_LOOK)
        return False

    async def wait(self) -> None:
        """Return when all are applied, and say once what is waited for; where nobody may wait, raise NotMigrated."""
        if (missing := await self._database.call(self._processing.unapplied)) is None:
            return
        if self._options.drain:
            raise missing  # Nothing could run without somebody's act.
        logger.warning("%s This manager waits until that is done.", missing)
        end = None
        if self._options.run_for is not None:
            end = asyncio.get_running_loop().call_later(self._options.run_for, self._stop.request)
        try:
            while True:
                await asyncio.sleep(self._options.heartbeat)
                if await self.is_complete():
                    break
        finally:
            if end is not None:
                end.cancel()
        logger.warning("The migrations are applied; this manager begins.")
