"""Claiming, ahead of need and by event."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from ..lifecycle import Cause
from ..processing import Claimed, Processing
from ..states import State
from .database import Database
from .records import Records
from .runs import Runs

#: Seconds of work held beyond the free places: enough to hide a claim's own time, little enough to stop promptly.
_AHEAD = 0.25
#: And no more than this, whatever the rate: a claim costs about 25 KiB of the manager while it is made and held.
_MOST_AHEAD = 500
#: A claim that brings so many stages, or all that it was to bring, has probably left others; else it is made again so
#: many seconds later, if nothing happens before.
_FEW, _LATER = 16, 0.02
#: The rate is that of so many last ends; fewer than that again tell nothing sooner than after a second.
_ENDS, _SURE = 64, 8
#: Seconds without an end after which it is counted anew.
_WHILE = 1.0


class Rate:
    """Ends a second: of the last ones, since work began or since the first of them."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=_ENDS)

    def begin(self) -> None:
        """Count from now if nothing has ended for a while: nothing was at work, so what was before tells nothing."""
        now = time.monotonic()
        if not self._times or now - self._times[-1] > _WHILE:
            self._times.clear()
            self._times.append(now)

    def count(self) -> None:
        self._times.append(time.monotonic())

    def now(self) -> float:
        ends = len(self._times) - 1
        if ends < 1:
            return 0.0
        seconds = time.monotonic() - self._times[0]
        return ends / max(seconds, 0.001 if ends >= _SURE else 1.0)


class Claims:
    """Claims stages when there is room and there may be something to claim."""

    def __init__(self, database: Database, processing: Processing, runs: Runs, records: Records) -> None:
        self.rate = Rate()
        #: Set while nothing was found by the last claim, and nothing happened since.
        self.is_idle = asyncio.Event()
        self._database = database
        self._processing = processing
        self._runs = runs
        self._records = records
        self._wanted = asyncio.Event()
        self._may_have_more = True
        self._must_look_for_stops = False
        self._due: asyncio.TimerHandle | None = None
        self._look_again: asyncio.TimerHandle | None = None
        self._claiming = asyncio.Lock()
        self._is_stopped = False

    def wake(self, *, by_others: bool = False) -> None:
        """Look for work: something was built, ended, became due; ``by_others`` may also have been a verb."""
        self._must_look_for_stops |= by_others
        self.is_idle.clear()
        self._look_for_more()

    def room(self) -> None:
        """Look for work if there may be some: a place became free."""
        if self._may_have_more:
            self._wanted.set()

    def _look_for_more(self) -> None:
        self._may_have_more = True
        self._wanted.set()

    async def run(self) -> None:
        self.wake()
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if self._must_look_for_stops:
                self._must_look_for_stops = False
                await self._look_for_stops()
            async with self._claiming:
                if self._may_have_more and not self._is_stopped and (limit := self._limit()) > 0:
                    await self._claim(limit)

    async def stop(self) -> None:
        """Claim no more; returns when a claim under way is done."""
        self._is_stopped = True
        async with self._claiming:
            pass

    def _limit(self) -> int:
        free, held = self._runs.executor.free, len(self._runs.held)
        ahead = min(int(_AHEAD * self.rate.now()), _MOST_AHEAD)
        # Half of what may be held is let run out first, so that claims come in batches.
        if free <= held and held > ahead // 2:
            return 0
        return 0 if self._runs.is_reserved else free + ahead - held

    async def _claim(self, limit: int) -> None:
        self._may_have_more = False  # What happens during the claim sets it again.
        if self._look_again is not None:
            self._look_again.cancel()
        failures = self._database.failures
        pairs, unreadable = await self._database.call(self._processing.claim, limit)
        if (pairs or unreadable) and not (self._runs.active or self._runs.held):
            self.rate.begin()
        await self.take((pairs, unreadable), failures != self._database.failures)
        if pairs or unreadable:
            if len(pairs) + len(unreadable) >= min(limit, _FEW):
                self._look_for_more()
            else:
                # That was probably all. What comes of it is soon there, and its record shall not wait for a look at
                # nothing.
                self._look_again = asyncio.get_running_loop().call_later(_LATER, self._look_for_more)
        elif not self._may_have_more:
            await self._wait_for_due()
            self.is_idle.set()

    @asynccontextmanager
    async def succession(self, is_wanted: bool) -> AsyncIterator[int]:
        """Say how many stages a record may claim, and claim none meanwhile.

        None where others may be waiting: they have their turn before what comes next in a task.
        """
        if not is_wanted or not self._has_leisure():
            yield 0
            return
        async with self._claiming:
            yield self._runs.executor.free if self._has_leisure() else 0

    def _has_leisure(self) -> bool:
        return not (self._may_have_more or self._is_stopped or self._runs.held or self._runs.is_reserved)

    async def take(self, claimed: Claimed, is_doubtful: bool) -> None:
        """Take what was claimed; ``is_doubtful`` when an earlier try may have claimed other stages, or these."""
        pairs, unreadable = claimed
        for ending in unreadable:
            self._runs.on_end(ending)
        if is_doubtful:
            await self._return_strays({claim.token for claim, _ in pairs})
        self._runs.take(pairs)

    async def _return_strays(self, claimed: set[UUID]) -> None:
        """Return what an earlier try has claimed whose answer was lost: nobody works on it."""
        mine = claimed | self._runs.tokens() | self._records.tokens()
        if (await self._database.call(self._processing.return_strays, mine)).wakes:
            self.wake()

    async def _wait_for_due(self) -> None:
        seconds = await self._database.call(self._processing.next_due)
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if seconds is not None:
            # A millisecond more, lest the database's clock stand just before the moment.
            self._due = asyncio.get_running_loop().call_later(min(seconds, 3600.0) + 0.001, self.wake)

    async def _look_for_stops(self) -> None:
        """Give back what is held of paused and cancelled tasks, and end what runs of cancelled ones."""
        if not (tasks := self._runs.tasks()):
            return
        stopped = await self._database.call(self._processing.stopped, tasks)
        if stopped:
            self._runs.withdraw(set(stopped))
            self._runs.stop(Cause.CANCELED, {task for task, state in stopped.items() if state == State.CANCELED})
