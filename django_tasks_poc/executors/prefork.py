"""A process per stage at the speed of fork: stages run in children of a warm fork server."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from ..messages import Checkpoint, Checkpointed, Progress, Report, Request, Started, ToManager, pack
from . import control, process
from .base import Executor, Exit, Listener
from .fleet import Fleet
from .places import Places, SlowWatch
from .process import End
from .server import Server
from .slots import AHEAD, Slot, Stage, open_slots

logger = logging.getLogger("django_tasks_poc")

#: So many processes may end before they take a request up.
MAX_TRIES = 3


class PreforkExecutor(Executor):
    """Runs up to ``slots`` stages at a time, each in a child of the fork server.

    ``command`` is what ``--serve JSON`` is added to; it must not put a process between. A child ends after
    ``max_stages_per_process`` stages; above 1, one more request a slot is accepted and sent ahead. All processes
    inherit ``inherit_fds``; ``mark`` begins the value of their environment variable ``process.MARK``;
    ``reload``: a changed source file calls for it.
    """

    def __init__(
        self, listener: Listener, *, slots: int, command: Sequence[str], max_stages_per_process: int = 1,
        inherit_fds: Sequence[int] = (), mark: str = "", reload: bool = False,
    ) -> None:  # fmt: skip
        self._listener = listener
        self._slots = slots
        self._max_stages = max_stages_per_process
        self._capacity = slots if max_stages_per_process == 1 else (1 + AHEAD) * slots
        self._loop = asyncio.get_running_loop()
        self._fleet = Fleet(
            self._loop, self, command=command, max_stages=max_stages_per_process, inherit_fds=inherit_fds,
            mark=mark or uuid4().hex, watches=reload,
        )  # fmt: skip
        self._stages: dict[UUID, Stage] = {}
        self._pending: deque[Stage] = deque()
        self._places = Places()
        self._slow_watch = SlowWatch(self._loop, self._fleet, self._recall)
        self._is_stopping = False

    async def start(self) -> None:
        """Start the fork server; return when it is ready, or has failed for the first time."""
        process.adopt_orphans()
        self._fleet.launch()
        await self._fleet.tried.wait()

    @property
    def free(self) -> int:
        if self._fleet.current is None or self._is_stopping:
            return 0
        return max(0, self._capacity - len(self._stages))

    def submit(self, request: Request) -> None:
        if self._is_stopping:
            raise RuntimeError("The executor is stopped.")
        stage = self._stages[request.token] = Stage(request)
        self._pending.append(stage)
        self._dispatch()

    def terminate(self, token: UUID) -> None:
        self._end(token, signal.SIGTERM)

    def kill(self, token: UUID) -> None:
        self._end(token, signal.SIGKILL)

    def withdraw(self, token: UUID) -> None:
        stage = self._stages.get(token)
        if stage is None or stage.started or stage.is_unwanted:
            return
        stage.is_unwanted = True
        if stage.slot is None:
            self._pending.remove(stage)
            self._pend([stage])
        else:
            self._recall(stage.slot)

    def checkpointed(self, token: UUID, accepted: bool) -> None:
        stage = self._stages.get(token)
        if stage is not None and stage.slot is not None:
            stage.slot.channel.send(pack(Checkpointed(token, accepted)))

    def reload(self) -> None:
        """Have the next stages run with the code as it is now; running ones end on the old one."""
        if self._fleet.current is not None:
            self._fleet.retire(self._fleet.current)

    async def stop(self) -> None:
        self._is_stopping = True
        while self._pending:
            self._lose(self._pending.popleft(), "The executor was stopped.")
        await self._fleet.stop()
        self._slow_watch.end()
        # What is lost is told by the loop.
        await asyncio.sleep(0)

    # Requests on their way to children

    def _dispatch(self) -> None:
        """Give pending requests to slots, as long as both last."""
        now = time.monotonic()
        while self._pending and not self._is_full():
            slot = self._places.find(self._pending[0], now)
            if slot is None:
                return
            if slot.stages:
                self._slow_watch.begin()
            self._give(slot, self._pending.popleft(), now)

    def _is_full(self) -> bool:
        """Tell whether stages that end on retired servers take up the places of new ones."""
        servers = self._fleet.servers
        return len(servers) > 1 and sum(bool(slot.stages) for one in servers for slot in one.slots) >= self._slots

    def _give(self, slot: Slot, stage: Stage, now: float) -> None:
        slot.give(stage, now)
        if not slot.has_child:
            slot.has_child = True
            slot.server.send(control.Fork(slot.number, stage.request.handler))
        self._file(slot)

    def _file(self, slot: Slot) -> None:
        """Put the slot where dispatch looks for it."""
        if slot.server is not self._fleet.current or slot.recalls:
            self._places.remove(slot)
            self._fleet.dismiss_idle(slot.server)
        else:
            self._places.file(slot)

    def _recall(self, slot: Slot) -> None:
        slot.recalls += 1
        slot.server.send(control.Recall(slot.number))
        self._file(slot)

    def _end(self, token: UUID, signum: int) -> None:
        stage = self._stages.get(token)
        if stage is None:
            return
        stage.doomed = signum
        if stage.slot is None:
            self._pending.remove(stage)
            self._lose(stage, "It was stopped before it started.")
        elif stage.slot.current is stage:
            self._signal(stage.slot, stage)
        else:
            self._recall(stage.slot)

    def _signal(self, slot: Slot, stage: Stage) -> None:
        slot.signalled = stage.token
        slot.server.send(control.Signal(slot.number, stage.doomed))
        self._file(slot)

    # What children say

    def _heard(self, slot: Slot, message: ToManager) -> None:
        stage = slot.current
        if stage is None or stage.token != message.token:
            logger.warning("A process sent %s for a stage that it does not run.", type(message).__name__)
            return
        match message:
            case Started():
                stage.take_up(message)
                slot.server.remember(message.pid)
                if stage.doomed:
                    # It may have been behind another when it was to be ended.
                    self._signal(slot, stage)
                self._listener.started(stage.token, message.pid)
            case Report():
                stage.report = message
                if message.cpu is not None:
                    self._pass_on(slot, stage, message, message.cpu)
            case Progress():
                self._listener.progressed(message)
            case Checkpoint():
                self._listener.checkpoint(message)

    def _pass_on(self, slot: Slot, stage: Stage, report: Report, cpu: float) -> None:
        """End the stage of a process that goes on to others."""
        stdout, stderr = slot.channel.take_output(stage.side)
        slot.pass_on(cpu, time.monotonic())
        del self._stages[stage.token]
        self._file(slot)
        self._dispatch()
        exit = Exit(stage.pid, 0, None, cpu, 0.0, report.max_rss or 0, stdout, stderr)
        self._listener.ended(stage.token, report, exit)

    def _broken(self, slot: Slot, problem: str) -> None:
        slot.problem = problem
        slot.server.send(control.Signal(slot.number, signal.SIGKILL))

    # What servers say

    def make_slots(self) -> list[Slot]:
        return open_slots(
            self._slots, lambda number: Slot(self._loop, number, self._max_stages, self._heard, self._broken)
        )

    def server_ready(self, server: Server) -> None:
        for slot in server.slots:
            self._file(slot)
        self._dispatch()
        self._listener.capacity_changed()

    def server_left(self, server: Server) -> None:
        for slot in server.slots:
            self._file(slot)

    def told(self, server: Server, message: Any) -> None:
        match message:
            case control.Exited():
                end = End(message.pid, message.status, message.user, message.system, message.max_rss)
                self._exited(server, server.slots[message.slot], end)
            case control.Recalled():
                self._recalled(server.slots[message.slot], message)
            case control.Unfit():
                for slot in server.slots:
                    if slot.has_child and slot.number not in message.running:
                        self._pend(slot.vacate())

    def server_gone(self, server: Server, why: str) -> None:
        why = "The executor was stopped." if self._is_stopping else f"The fork server ended. {why}"
        for slot in server.slots:
            # Whatever it died of, SIGKILL is what its parent's death sent it.
            pid = slot.current.pid if slot.current else 0
            self._close(slot, End(pid, int(signal.SIGKILL), 0.0, 0.0, 0), why)
        self._dispatch()

    def _exited(self, server: Server, slot: Slot, end: End) -> None:
        server.forget(end.pid)
        unread = self._close(slot, end, "")
        if unread:
            # They may have been sent when the server had cleaned the socket already.
            self._recall(slot)
        self._file(slot)
        self._dispatch()

    def _close(self, slot: Slot, end: End, why: str) -> bool:
        """End what was given to a child that is gone; tell whether requests were among it that it did not read."""
        # Nothing is given to it while its last words are read.
        slot.recalls += 1
        slot.channel.drain()
        slot.recalls -= 1
        signalled = slot.signalled
        exit = slot.exit(slot.stages[0], end) if slot.stages else Exit()
        stages = slot.vacate()
        unread = [stage for stage in stages if not stage.started]
        if unread and unread[0] is stages[0]:
            unread[0].tries += 1
        for stage in stages:
            if stage.started and stage.report is None and self._is_stopping:
                self._lose(stage, why or "The executor was stopped.")
            elif stage.started and stage.report is None and why:
                self._lose(stage, why)
            elif stage.started and stage.report is None and signalled not in (None, stage.token):
                self._lose(stage, "Its process was ended for the sake of the stage before.")
            elif stage.started or (stage.tries >= MAX_TRIES and not stage.doomed and not why):
                del self._stages[stage.token]
                self._loop.call_soon(self._listener.ended, stage.token, stage.report, exit)
        self._pend([stage for stage in unread if stage.token in self._stages], why)
        return bool(unread)

    def _recalled(self, slot: Slot, message: control.Recalled) -> None:
        slot.recalls -= 1
        self._pend(slot.take_back(message.requests))
        for token, accepted in message.checkpointed:
            if slot.current is not None and slot.current.token == token:
                slot.channel.send(pack(Checkpointed(token, accepted)))
        self._file(slot)
        self._dispatch()

    def _pend(self, stages: list[Stage], why: str = "") -> None:
        """Have stages that were not started run elsewhere."""
        for stage in reversed(stages):
            if stage.doomed or stage.is_unwanted or self._is_stopping:
                self._lose(stage, why or "It was stopped before it started.")
            elif stage.tries >= MAX_TRIES:
                self._lose(stage, why)
            else:
                self._pending.appendleft(stage)

    def _lose(self, stage: Stage, why: str) -> None:
        # By the loop: a listener that asked for the end does not hear of it while it asks.
        del self._stages[stage.token]
        self._loop.call_soon(partial(self._listener.lost, stage.token, stage.started, why))
