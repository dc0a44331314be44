"""Recording ends in groups: what came in during one write is the next."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, suppress
from uuid import UUID

import msgspec

from ..ends import Ends
from ..lifecycle import Ending, decide, tell_end, tell_tasks
from ..messages import Checkpoint
from ..models import Task
from ..processing import Claimed, Processing
from ..states import State
from ..storage.values import Recorded, StageMove
from .database import Database
from .runs import Run, Runs

logger = logging.getLogger("django_tasks_poc")

#: Ends written by one transaction.
_BATCH = 500
#: Where work is held a write waits for more ends: so many times as long as the last one took, and no more seconds.
_GATHER, _LONGEST = 20, 0.05
#: So many ends are worth a write of their own.
_ENOUGH = 200


class Records:
    """Keeps every end until its commit."""

    #: Hears of what a record did.
    on_news: Callable[[Recorded], None]
    #: Says, while entered, how many stages a record may claim.
    succession: Callable[[bool], AbstractAsyncContextManager[int]]
    #: Gets them, and whether others may have been claimed whose news was lost.
    on_claimed: Callable[[Claimed, bool], Awaitable[None]]

    def __init__(self, database: Database, processing: Processing, runs: Runs) -> None:
        #: A root task ended ERROR while this manager worked.
        self.has_failed = False
        self.ends = Ends()
        self._database = database
        self._processing = processing
        self._runs = runs
        self._endings: list[Ending] = []
        self._checkpoints: list[tuple[Run, Checkpoint]] = []
        self._wanted = asyncio.Event()
        self._hurry = asyncio.Event()
        self._took = 0.0
        self._writing = asyncio.Lock()

    @property
    def is_empty(self) -> bool:
        return not (self._endings or self._checkpoints or self._writing.locked())

    def tokens(self) -> set[UUID]:
        """Return the tokens of the ends that are not committed yet."""
        return {ending.claim.token for ending in self._endings}

    def add(self, ending: Ending) -> None:
        self._endings.append(ending)
        self._wanted.set()
        if not self._runs.held or len(self._endings) >= _ENOUGH:
            self._hurry.set()

    def add_checkpoint(self, run: Run, message: Checkpoint) -> None:
        self._checkpoints.append((run, message))
        self._wanted.set()
        self._hurry.set()  # Its process waits.

    async def run(self) -> None:
        while True:
            await self._wanted.wait()
            await self._gather()
            self._wanted.clear()
            self._hurry.clear()
            await self._write_once()

    async def _gather(self) -> None:
        """Let more ends come in while what is held keeps the processes busy: a write of ten costs little more than one.

        With nothing held, what a write makes claimable is waited for.
        """
        if self._runs.held:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(_GATHER * self._took, _LONGEST)):
                    await self._hurry.wait()

    async def write(self) -> None:
        """Write everything that has come in."""
        while self._endings or self._checkpoints:
            await self._write_once()

    async def _write_once(self) -> None:
        """Write one batch; what is left over is wanted still."""
        async with self._writing:
            began = time.monotonic()
            await self._write_checkpoints()
            await self._write_endings()
            self._took = time.monotonic() - began
        if self._endings or self._checkpoints:
            self._wanted.set()

    async def write_progress(self) -> None:
        """Write how far the running stages are."""
        progress, self._runs.progress = self._runs.progress, {}
        if progress:
            rows = {
                stage: (token, msgspec.json.encode([message.done, message.total, message.message]).decode())
                for stage, (token, message) in progress.items()
            }
            await self._database.call(self._processing.progress, rows)

    async def _write_checkpoints(self) -> None:
        checkpoints, self._checkpoints = self._checkpoints, []
        for run, message in checkpoints:
            stage = run.claim.stage
            accepted = await self._database.call(self._processing.checkpoint, stage, message.token, message.cursor)
            self._runs.executor.checkpointed(message.token, accepted)

    async def _write_endings(self) -> None:
        batch = self._endings[:_BATCH]
        if not batch:
            return
        mine = [ending for ending in batch if ending.report is None or not ending.report.recorded]
        failures = self._database.failures
        # Where nothing else is to be claimed now, what comes next is claimed on the way.
        async with self.succession(any(ending.claim.is_followed for ending in mine)) as room:
            recorded, moves, claimed = await self._database.call(self._processing.record_and_claim, mine, room)
            if room:
                await self.on_claimed(claimed, failures != self._database.failures)
        if failures != self._database.failures and recorded.refused:
            # Perhaps they were recorded by a try whose answer was lost, and with it the news of what ended.
            refused = [ending.claim for ending in mine if ending.claim.token in recorded.refused]
            tasks = {uuid for claim in refused for uuid in (claim.task, claim.root)}
            found = await self._database.call(self._processing.tasks, sorted(tasks))
            recorded.merge(Recorded(ended=[task for task in found if task.finished_at is not None]))
        # Only what is committed is forgotten.
        del self._endings[: len(batch)]
        for ending in batch:
            if ending.report is not None and ending.report.recorded:
                recorded.merge(await self._recorded_elsewhere(ending))
        # A process that died after its own record did not say what that left to be done.
        recorded.unsettled |= bool(recorded.refused)
        self._tell(batch, moves, recorded)
        self.on_news(recorded)

    async def _recorded_elsewhere(self, ending: Ending) -> Recorded:
        report = ending.report
        assert report is not None
        ended = await self._database.call(self._processing.tasks, report.ended) if report.ended else []
        return Recorded(ended=ended, wakes=True, unsettled=report.unsettled)

    def _tell(self, batch: list[Ending], moves: list[StageMove], recorded: Recorded) -> None:
        by_token = {move.token: move for move in moves}
        for ending in batch:
            claim = ending.claim
            if claim.token in recorded.refused:
                logger.warning(
                    "The outcome of stage %s came too late: it was started anew elsewhere.", claim.stage,
                    extra={"stage": claim.stage, "task": claim.task},
                )  # fmt: skip
            else:
                move = by_token.get(claim.token) or decide(ending)
                if move.state.is_final:
                    self.ends.add(time.time(), is_failed=move.state == State.ERROR)
                tell_end(self._processing.node.label, ending, move)
        self.announce(recorded.ended)

    def announce(self, tasks: Iterable[Task]) -> None:
        """Send the signals of tasks that ended."""
        ended = list(tasks)
        self.has_failed |= any(task.depth == 0 and task.state == State.ERROR for task in ended)
        tell_tasks(ended)
