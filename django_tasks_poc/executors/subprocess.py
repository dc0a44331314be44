"""A cold process per stage: fresh code each time, no fork of a loaded program."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Sequence
from functools import partial
from uuid import UUID, uuid4

import msgspec

from ..messages import Checkpoint, Checkpointed, Progress, Report, Request, Started, ToManager, pack
from . import process
from .base import Executor, Exit, Listener
from .channel import Channel
from .process import End
from .slots import Stage, exit_of
from .watch import ExitWatch

logger = logging.getLogger("django_tasks_poc")

#: So many processes may end before they take a request up.
MAX_TRIES = 3
#: Seconds within which a process has to take its request up.
START_WITHIN = 30.0
#: Seconds until the next start after a process that did not take its request up: at first, and at most.
_BACK_OFF, _MAX_BACK_OFF = 0.1, 5.0
_LOOK_AGAIN = 0.005


class _Cold:
    """A process and the stage it is for."""

    def __init__(self, stage: Stage, popen: subprocess.Popen[bytes], mark: str) -> None:
        self.stage = stage
        self.popen = popen
        self.channel: Channel
        self.watch: ExitWatch
        self.late: asyncio.TimerHandle
        self.problem = ""
        self.end: End | None = None
        self.burial = process.Burial(mark, [popen.pid])

    def kill(self, why: str = "", signum: int = signal.SIGKILL) -> None:
        self.problem = self.problem or why
        if self.end is None:
            # It was not reaped, so the pid is still its own.
            process.kill(self.popen.pid, signum)


class SubprocessExecutor(Executor):
    """Runs up to ``slots`` stages at a time, each in a process of its own.

    ``--task UUID --stage UUID [--previous UUID] --fd N`` is added to ``command``, which must not put a process between.
    All processes inherit ``inherit_fds``; ``mark`` begins the value of their environment variable ``process.MARK``.
    """

    def __init__(
        self,
        listener: Listener,
        *,
        slots: int,
        command: Sequence[str],
        inherit_fds: Sequence[int] = (),
        mark: str = "",
    ) -> None:
        self._listener = listener
        self._slots = slots
        self._command = list(command)
        self._inherit_fds = list(inherit_fds)
        self._mark = mark or uuid4().hex
        self._loop = asyncio.get_running_loop()
        self._stages: dict[UUID, Stage] = {}
        self._running: dict[UUID, _Cold] = {}
        self._pending: deque[Stage] = deque()
        self._count = 0
        self._failures = 0
        self._again: asyncio.TimerHandle | None = None
        self._is_stopping = False
        self._changed = asyncio.Event()

    async def start(self) -> None:
        process.adopt_orphans()

    @property
    def free(self) -> int:
        # While processes do not come up nothing more is taken on.
        return 0 if self._is_stopping or self._again is not None else max(0, self._slots - len(self._stages))

    def submit(self, request: Request) -> None:
        if self._is_stopping:
            raise RuntimeError("The executor is stopped.")
        stage = self._stages[request.token] = Stage(request)
        self._pending.append(stage)
        self._start_pending()

    def withdraw(self, token: UUID) -> None:
        if self._stages.get(token) in self._pending:
            self.terminate(token)

    def terminate(self, token: UUID) -> None:
        self._end(token, signal.SIGTERM)

    def kill(self, token: UUID) -> None:
        self._end(token, signal.SIGKILL)

    def checkpointed(self, token: UUID, accepted: bool) -> None:
        if token in self._running:
            self._running[token].channel.send(pack(Checkpointed(token, accepted)))

    async def stop(self) -> None:
        self._is_stopping = True
        if self._again is not None:
            self._again.cancel()
        while self._pending:
            self._lose(self._pending.popleft(), "The executor was stopped.")
        for cold in self._running.values():
            cold.kill()
        while self._running:
            self._changed.clear()
            await self._changed.wait()
        # What is lost is told by the loop.
        await asyncio.sleep(0)

    def _end(self, token: UUID, signum: int) -> None:
        stage = self._stages.get(token)
        if stage is None:
            return
        stage.doomed = signum
        if token in self._running:
            self._running[token].kill(signum=signum)
        elif stage in self._pending:
            self._pending.remove(stage)
            self._lose(stage, "It was stopped before it started.")

    def _start_pending(self) -> None:
        while self._pending and self._again is None and len(self._running) < self._slots:
            self._spawn(self._pending.popleft())

    def _spawn(self, stage: Stage) -> None:
        mine, theirs = socket.socketpair()
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        self._count += 1
        mark = f"{self._mark}.{self._count}"
        try:
            popen = subprocess.Popen(
                [*self._command, *_arguments(stage.request), "--fd", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=out_end,
                stderr=err_end,
                pass_fds=(theirs.fileno(), *self._inherit_fds),
                start_new_session=True,
                env={**os.environ, process.MARK: mark},
            )
        except OSError as error:
            mine.close()
            os.close(out)
            os.close(err)
            self._retry(stage, Exit(code=127, stderr=f"{self._command[0]}: {error}"))
            return
        finally:
            theirs.close()
            os.close(out_end)
            os.close(err_end)
        process.started.add(popen.pid)
        cold = self._running[stage.token] = _Cold(stage, popen, mark)
        cold.channel = Channel(self._loop, mine, [(out, err)], partial(self._heard, cold), cold.kill)
        cold.channel.send(stage.frame)
        cold.watch = ExitWatch(self._loop, popen.pid, partial(self._exited, cold))
        cold.late = self._loop.call_later(START_WITHIN, cold.kill, f"It did not start within {START_WITHIN:g} s.")

    def _heard(self, cold: _Cold, message: ToManager) -> None:
        stage = cold.stage
        if message.token != stage.token:
            logger.warning("A process sent %s for a stage that it does not run.", type(message).__name__)
            return
        match message:
            case Started():
                stage.take_up(message)
                cold.late.cancel()
                self._failures = 0
                self._listener.started(stage.token, message.pid)
            case Report():
                stage.report = message
            case Progress():
                self._listener.progressed(message)
            case Checkpoint():
                self._listener.checkpoint(message)

    def _exited(self, cold: _Cold) -> None:
        """Kill the group, reap the process, and wait until nothing of it runs."""
        if cold.end is None:
            cold.end = process.reap(cold.popen.pid)
            if cold.end is None:
                self._loop.call_later(_LOOK_AGAIN, self._exited, cold)
                return
            process.started.discard(cold.popen.pid)
            cold.popen.returncode = os.waitstatus_to_exitcode(cold.end.status)
            cold.watch.close()
            cold.late.cancel()
        if cold.burial.is_over():
            self._close(cold, cold.end)
        else:
            self._loop.call_later(_LOOK_AGAIN, self._exited, cold)

    def _close(self, cold: _Cold, end: End) -> None:
        stage = cold.stage
        cold.channel.drain()
        stdout, stderr = cold.channel.take_output(0)
        exit = exit_of(end, stdout, "\n".join(text for text in (stderr, cold.problem) if text))
        if stage.report is not None and stage.report.max_rss is not None:
            # Across vfork and exec wait(2) hands on the manager's own peak; the process itself knows better.
            exit = msgspec.structs.replace(exit, max_rss=stage.report.max_rss)
        cold.channel.close()
        del self._running[stage.token]
        self._changed.set()
        if not stage.started:
            self._retry(stage, exit)
        elif stage.report is None and self._is_stopping:
            self._lose(stage, "The executor was stopped.")
        else:
            self._over(stage, exit)
        self._start_pending()

    def _retry(self, stage: Stage, exit: Exit) -> None:
        """Have the stage started once more, after a while: its process ended before it took the request up."""
        stage.tries += 1
        if stage.doomed or self._is_stopping:
            self._lose(stage, "It was stopped before it started.")
            return
        self._failures += 1
        if self._again is None:
            delay = min(_MAX_BACK_OFF, _BACK_OFF * 2 ** (self._failures - 1))
            self._again = self._loop.call_later(delay, self._go_on)
        if stage.tries >= MAX_TRIES:
            self._over(stage, exit)
        else:
            logger.error("A process ended before it took its stage up: %s", exit)
            self._pending.appendleft(stage)

    def _go_on(self) -> None:
        self._again = None
        self._start_pending()
        self._listener.capacity_changed()

    def _over(self, stage: Stage, exit: Exit) -> None:
        del self._stages[stage.token]
        self._loop.call_soon(self._listener.ended, stage.token, stage.report, exit)

    def _lose(self, stage: Stage, why: str) -> None:
        # By the loop: a listener that asked for the end does not hear of it while it asks.
        del self._stages[stage.token]
        self._loop.call_soon(self._listener.lost, stage.token, stage.started, why)


def _arguments(request: Request) -> list[str]:
    previous = ["--previous", str(request.previous.stage)] if request.previous else []
    return ["--task", str(request.task), "--stage", str(request.stage), *previous]
