"""One life of a manager: boot, supervise, shut down."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ..exceptions import ManagerLost, NotMigrated
from ..executors import make_executor
from ..lifecycle import Cause, Ending, tell_start
from ..processing import Processing
from ..runtime import run
from ..signals import manager_started, manager_stopped
from ..wakeup import make_wakeup
from .claims import Claims
from .database import Database
from .identity import Identity
from .keeper import Keeper
from .options import TaskManagerOptions
from .records import Records
from .runs import Run, Runs
from .schema import Schema
from .stopping import Stop
from .turns import AtomicTurns

logger = logging.getLogger("django_tasks_poc")

#: Seconds that the database has to take what a manager says at its end.
LAST_WORDS = 10.0


class Life:
    """A manager from its registration to its end; a manager that was declared dead begins a new one."""

    def __init__(self, options: TaskManagerOptions, stop: Stop, watch: Callable[[Life], None] | None) -> None:
        self.options = options
        self.stop = stop
        self.identity = Identity(options)
        self.database = Database()
        self.processing = Processing(options.entity, self.identity.uuid, timeout=options.timeout)
        self.schema = Schema(self.database, self.processing, options, stop)
        self.runs = Runs(self._started, self._ended)
        self.runs.turns = AtomicTurns(self.database, are_needed=options.entity.vendor == "sqlite")
        self.runs.turns.on_free = self.runs.dispatch
        self.records = Records(self.database, self.processing, self.runs)
        self.claims = Claims(self.database, self.processing, self.runs, self.records)
        self.keeper = Keeper(
            self.database, self.processing, self.runs, self.claims, self.records,
            interval=options.keeper_interval, heartbeat=options.heartbeat,
            on_drained=self.stop.request if options.drain else None,
        )  # fmt: skip
        self.runs.on_room, self.runs.on_checkpoint = self.claims.room, self.records.add_checkpoint
        self.records.on_news, self.database.on_return = self.keeper.hear, self._wake
        self.records.succession, self.records.on_claimed = self.claims.succession, self.claims.take
        self.runs.executor = make_executor(
            options.executor or "prefork", self.runs, slots=options.slots,
            command=[*options.command, "handle_stage"], run=run,
            max_stages_per_process=options.max_stages_per_process, inherit_fds=(self.identity.lock.fd,),
            mark=str(self.identity.uuid), reload=options.reload,
        )  # fmt: skip
        wakeup = make_wakeup(options.entity.vendor)
        self.wakeup = wakeup(options.entity, self._wake, self.database.call)
        self._watch = watch
        self._ending = asyncio.Event()
        self._is_enlisted = self._is_up = self.may_wait = False

    async def live(self) -> None:
        """Work until asked to stop.

        Raises ManagerLost when this manager was declared dead, and NotMigrated when the tables are not as they must
        be; ``may_wait`` says whether that can be waited for.
        """
        broken = _failure_of_a_callback()
        try:
            if await self._boots():
                await self._supervise(broken)
        except NotMigrated:
            # First: nobody hears the stages or beats for them any more, and the next question may take long.
            self.runs.is_stopping = True
            await self.runs.executor.stop()
            self.may_wait = not self.options.drain and await self.schema.turns_out_incomplete()
            raise
        finally:
            await self._shut_down()

    async def _boots(self) -> bool:
        """Boot, unless the database keeps that from happening until somebody asks to stop."""
        booting = asyncio.ensure_future(self._boot())
        stopping = asyncio.ensure_future(self.stop.requested.wait())
        await asyncio.wait([booting, stopping], return_when=asyncio.FIRST_COMPLETED)
        for future in (booting, stopping):
            if not future.done():
                future.cancel()
        await asyncio.wait([booting, stopping])
        if booting.cancelled():
            return False
        booting.result()
        return True

    async def _boot(self) -> None:
        await self.schema.wait()
        # Before its lease begins: this may take longer than that.
        await self.runs.executor.start()
        await self.keeper.enlist(self.identity.row())
        self._is_enlisted = self._is_up = True
        manager_started.send_robust(
            None, manager=self.identity.uuid, node=self.options.node, executor=self.options.executor,
            queue_size=self.options.slots,
        )  # fmt: skip
        await self.keeper.rescue()
        if self._watch is not None:
            self._watch(self)

    async def _supervise(self, broken: asyncio.Future[None]) -> None:
        loops = [self.claims.run(), self.records.run(), self.wakeup.run(), *self.keeper.loops()]
        sides: list[asyncio.Future[Any]] = [broken, *map(asyncio.ensure_future, loops)]
        if self.options.run_for is not None:
            asyncio.get_running_loop().call_later(self.options.run_for, self.stop.request)
        stopping: asyncio.Future[Any] = asyncio.ensure_future(self.stop.requested.wait())
        try:
            while not stopping.done():
                done, _ = await asyncio.wait([stopping, *sides], return_when=asyncio.FIRST_COMPLETED)
                for side in done - {stopping}:
                    sides.remove(side)
                    side.result()  # A side task that died takes the manager with it.
            await self._let_end()
        except ManagerLost:
            # At once: others may start its stages before its parts have come to an end.
            self.runs.is_stopping = True
            self.runs.kill()
            raise
        finally:
            for task in (stopping, *sides):
                task.cancel()
            for result in await asyncio.gather(stopping, *sides, return_exceptions=True):
                # Tables that go away are met by several parts; one has ended this life by saying so.
                if isinstance(result, Exception) and not isinstance(result, NotMigrated):
                    logger.error("A part of the manager failed while it stopped.", exc_info=result)

    async def _let_end(self) -> None:
        """Let running stages end for the grace time, then end them; they are returned without spending an attempt."""
        await self.claims.stop()
        self.runs.is_stopping = True
        self.runs.give_back()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.options.grace):
                await self._until_idle()
        if self.runs.active:
            self.runs.stop(Cause.INTERRUPTED)
            await self._until_idle()
        await self.records.write()

    async def _until_idle(self) -> None:
        """Wait until nothing runs; a second request to stop kills at once."""
        urgent = asyncio.ensure_future(self.stop.urgent.wait())
        try:
            while self.runs.active:
                self._ending.clear()
                ending = asyncio.ensure_future(self._ending.wait())
                await asyncio.wait([urgent, ending], return_when=asyncio.FIRST_COMPLETED)
                ending.cancel()
                if urgent.done():
                    self.runs.kill()
                    await self._ending.wait()
        finally:
            urgent.cancel()

    async def _shut_down(self) -> None:
        await self.runs.executor.stop()
        self.runs.give_back()
        try:
            async with asyncio.timeout(LAST_WORDS):
                with suppress(NotMigrated):  # The error that ends this life says it.
                    await self.records.write()
                if self._is_enlisted:
                    # Its own table may be whole; what was not written is taken up by others.
                    with suppress(NotMigrated):
                        await self.database.call(self.processing.dismiss)
        except TimeoutError:
            logger.error("The database does not answer; another manager will take up what this one had.")
        await self.database.close()
        self.identity.lock.release()
        if self._is_up:
            manager_stopped.send_robust(
                None, manager=self.identity.uuid, node=self.options.node, executor=self.options.executor,
                queue_size=self.options.slots,
            )  # fmt: skip

    # What the parts tell one another.

    def _started(self, run: Run) -> None:
        self.identity.lock.note(run.claim.token)
        self.wakeup.is_busy = True
        tell_start(self.options.node, run.claim, run.pid)

    def _ended(self, ending: Ending) -> None:
        self.identity.lock.forget(ending.claim.token)
        self.claims.rate.count()
        self.wakeup.is_busy = bool(self.runs.active or self.runs.held)
        self.records.add(ending)
        self._ending.set()

    def _wake(self) -> None:
        self.claims.wake(by_others=True)
        self.keeper.hint()


def _failure_of_a_callback() -> asyncio.Future[None]:
    """Return a future that fails with the first callback of the loop that does; later ones are logged."""
    loop = asyncio.get_running_loop()
    failure: asyncio.Future[None] = loop.create_future()

    def hear(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if "handle" in context and "exception" in context and not failure.done():
            failure.set_exception(context["exception"])
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(hear)
    return failure
