"""The manager's housekeeping: its life sign, the rescue of what others lost, work in pieces, safety nets."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import ParamSpec

from ..conf import config
from ..exceptions import ManagerLost
from ..executors.process import kill_marked
from ..processing import Processing
from ..storage.values import NewManager, Recorded
from .claims import Claims
from .database import Database
from .purger import Purger
from .records import Records
from .runs import Runs

logger = logging.getLogger("django_tasks_poc")

P = ParamSpec("P")

#: Seconds until a manager that was seen dying is looked at again.
_DYING = 0.05
#: Seconds until it looks for what others have left to be done in pieces, after they wrote.
_SOON = 0.25
#: Seconds between two writes of how far running stages are.
_PROGRESS = 0.5


class Keeper:
    """Runs beside the loop of claims and records."""

    def __init__(
        self, database: Database, processing: Processing, runs: Runs, claims: Claims, records: Records,
        *, interval: float, heartbeat: float, on_drained: Callable[[], None] | None,
    ) -> None:  # fmt: skip
        self._database = database
        self._processing = processing
        self._runs = runs
        self._claims = claims
        self._records = records
        self._interval = interval
        self._heartbeat = heartbeat
        self._on_drained = on_drained
        self._purger = Purger(database, processing)
        self._wanted = asyncio.Event()
        self._soon: asyncio.TimerHandle | None = None
        #: Others may take this manager for dead when a lease has passed since then.
        self._beaten = 0.0

    def loops(self) -> list[Awaitable[None]]:
        """Return what is to run until the manager stops."""
        loops = [self._beat(), self._watch_lease(), self._sweep(), self._look(), self._tell(), self._purger.run()]
        if self._on_drained is not None:
            loops.append(self._drain(self._on_drained))
        return list(loops)

    def hear(self, recorded: Recorded) -> None:
        """Act on what a record left to be done."""
        if recorded.unsettled:
            self._wanted.set()
        if recorded.wakes:
            self._claims.wake()

    def hint(self) -> None:
        """Look soon: somebody else wrote, and it may have been a verb that leaves work to be done in pieces."""
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(_SOON, self._wanted.set)

    async def rescue(self) -> None:
        """Take up what managers that are gone have left."""
        while True:
            recorded, dying = await self._database.call(self._processing.rescue, kill_marked)
            self._records.announce(recorded.ended)
            self.hear(recorded)
            if dying:
                asyncio.get_running_loop().call_later(_DYING, self._wanted.set)
            if not recorded.wakes:
                return

    async def enlist(self, manager: NewManager) -> None:
        """Register this manager: with that its lease begins."""
        self._beaten = await self._database.call(_timed, self._processing.enlist, manager)

    async def _beat(self) -> None:
        while True:
            beat, recent = self._processing.beat, self._records.ends.text(time.time())
            self._beaten = await self._database.call(_timed, beat, len(self._runs.active), recent)
            self._wanted.set()  # However rarely it is asked to look, a dead manager is found with the next beat.
            await asyncio.sleep(config().lease / 3)

    async def _watch_lease(self) -> None:
        """Give up before others may take the stages: they will not ask this process."""
        if self._processing.node.vendor == "sqlite":
            return
        while True:
            await asyncio.sleep(config().lease / 30)
            if time.monotonic() - self._beaten > config().lease * 2 / 3:
                raise ManagerLost("No beat succeeded for two thirds of the lease.")

    async def _sweep(self) -> None:
        while True:
            # Not wait_for, which in Python 3.11 forgets a cancel that comes with the event: then nobody would stop.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._wanted.wait()
            self._wanted.clear()
            if self._soon is not None:
                self._soon.cancel()
                self._soon = None
            await self.rescue()
            await self._settle()
            await self._database.call(self._processing.discard_promised)

    async def _settle(self) -> None:
        while True:
            recorded = await self._database.call(self._processing.settle)
            self._records.announce(recorded.ended)
            if recorded.wakes:
                self._claims.wake()
            if not recorded.unsettled:
                return

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat)
            self._runs.dispatch()
            self._claims.wake(by_others=True)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(_PROGRESS)
            await self._records.write_progress()

    async def _drain(self, on_drained: Callable[[], None]) -> None:
        while True:
            await self._claims.is_idle.wait()
            if not self._runs.active and not self._runs.held and self._records.is_empty:
                if await self._database.call(self._processing.is_drained):
                    on_drained()
                    return
                self._wanted.set()  # It may be dead nested tasks, which the sweep deletes.
            await asyncio.sleep(min(self._interval, 0.05))


def _timed(write: Callable[P, None], *values: P.args, **options: P.kwargs) -> float:
    """Write, and return when that began: the lease counts from a moment after it, however late the answer comes."""
    began = time.monotonic()
    write(*values, **options)
    return began
