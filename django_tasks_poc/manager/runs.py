"""The stages in this manager's hands: held, started, timed, stopped, ended."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from ..conf import config
from ..executors import Executor, Exit
from ..lifecycle import Cause, Ending, host
from ..messages import Checkpoint, Progress, Report, Request
from ..storage.values import Claim
from .deadlines import Deadlines
from .turns import AtomicTurns, is_suspect


@dataclass
class Run:
    """One claimed stage, from its claim to its end."""

    claim: Claim
    request: Request
    started: float | None = None
    pid: int | None = None
    cause: Cause | None = None
    #: Set when it was asked to end: it is killed then.
    timer: asyncio.TimerHandle | None = None


@dataclass
class Runs:
    """Holds claims until the executor takes them, watches their time, and hands their ends on.

    This is the executor's listener. ``on_end`` gets every ending; ``on_room`` is called when a claim may be made.
    """

    on_start: Callable[[Run], None]
    on_end: Callable[[Ending], None]
    on_room: Callable[[], None] = field(init=False)
    on_checkpoint: Callable[[Run, Checkpoint], None] = field(init=False)
    executor: Executor = field(init=False)
    turns: AtomicTurns = field(init=False)
    held: deque[Run] = field(default_factory=deque)
    active: dict[UUID, Run] = field(default_factory=dict)
    #: The tokens of those here that may only run alone.
    suspects: set[UUID] = field(default_factory=set)
    progress: dict[UUID, tuple[UUID, Progress]] = field(default_factory=dict)
    is_stopping: bool = False

    def __post_init__(self) -> None:
        self.deadlines = Deadlines(self._time_out)

    def take(self, pairs: Iterable[tuple[Claim, Request]]) -> None:
        """Take claimed stages; each starts as soon as the executor has a place for it."""
        for claim, request in pairs:
            self.held.append(Run(claim, request))
            if is_suspect(claim):
                self.suspects.add(claim.token)
        self.dispatch()

    def dispatch(self) -> None:
        """Start what is held while there is room."""
        while self.executor.free and not self.is_stopping and (run := self._next()) is not None:
            self.held.remove(run)
            self.active[run.claim.token] = run
            if run.request.atomic:
                self.turns.begin(run.claim.token)
            self.executor.submit(run.request)
            if run.claim.token in self.suspects:
                self.give_back()

    @property
    def is_reserved(self) -> bool:
        """Say whether a stage that runs alone is here, so that nothing more is wanted."""
        return bool(self.suspects)

    def _next(self) -> Run | None:
        """Return the first held stage that may start now."""
        if self.suspects and not self.suspects.isdisjoint(self.active):
            return None
        for run in self.held:
            if run.claim.token in self.suspects:
                return run if not self.active else None
            if not run.request.atomic or self.turns.is_free:
                return run
        return None

    def give_back(self, tasks: set[UUID] | None = None) -> None:
        """Return held claims that did not begin: those of these tasks, or all."""
        kept: deque[Run] = deque()
        for run in self.held:
            if tasks is None or run.claim.task in tasks:
                self.suspects.discard(run.claim.token)
                self.on_end(Ending(run.claim, cause=Cause.RETURNED))
            else:
                kept.append(run)
        self.held = kept

    def withdraw(self, tasks: set[UUID]) -> None:
        """Have the stages of these tasks not begin, those too that are on the way to a process."""
        self.give_back(tasks)
        for token, run in list(self.active.items()):
            if run.started is None and run.claim.task in tasks and not run.claim.is_finally:
                self.executor.withdraw(token)

    def stop(self, cause: Cause, tasks: set[UUID] | None = None) -> None:
        """End the processes of these tasks' stages, or of all: SIGTERM, and SIGKILL after ``KILL_AFTER``."""
        for token, run in list(self.active.items()):
            if tasks is None or (run.claim.task in tasks and not run.claim.is_finally):
                self._stop(token, run, cause)

    def kill(self) -> None:
        """End all processes at once."""
        for token, run in list(self.active.items()):
            run.cause = run.cause or Cause.INTERRUPTED
            self.executor.kill(token)

    def tasks(self) -> set[UUID]:
        """Return the tasks that have a stage here."""
        return {run.claim.task for run in (*self.held, *self.active.values()) if not run.claim.is_finally}

    def tokens(self) -> set[UUID]:
        """Return the tokens of the stages that are here."""
        return {run.claim.token for run in (*self.held, *self.active.values())}

    def _stop(self, token: UUID, run: Run, cause: Cause) -> None:
        if run.cause is not None:
            return
        run.cause = cause
        self.deadlines.drop(token)
        run.timer = asyncio.get_running_loop().call_later(config().kill_after, self.executor.kill, token)
        self.executor.terminate(token)

    def _time_out(self, token: UUID) -> None:
        if (run := self.active.get(token)) is not None:
            self._stop(token, run, Cause.TIMED_OUT)

    # What the executor tells.

    def started(self, token: UUID, pid: int) -> None:
        if (run := self.active.get(token)) is None:
            return
        run.started, run.pid = time.monotonic(), pid
        if run.cause is None:
            self.deadlines.set(token, run.request.timeout)
        self.on_start(run)

    def progressed(self, message: Progress) -> None:
        if (run := self.active.get(message.token)) is not None:
            self.progress[run.claim.stage] = (message.token, message)

    def checkpoint(self, message: Checkpoint) -> None:
        if (run := self.active.get(message.token)) is not None:
            self.on_checkpoint(run, message)

    def ended(self, token: UUID, report: Report | None, exit: Exit) -> None:
        if (run := self._forget(token)) is None:
            return
        self.on_end(
            Ending(
                run.claim, report, run.cause, host=host(), pid=exit.pid or run.pid, duration=_age(run),
                timeout=run.request.timeout, code=exit.code, signal=exit.signal,
                user_cpu=exit.user_cpu if exit.max_rss else None, system_cpu=exit.system_cpu if exit.max_rss else None,
                max_rss=exit.max_rss or None, stdout=exit.stdout, stderr=exit.stderr,
            )
        )  # fmt: skip
        self.capacity_changed()

    def lost(self, token: UUID, was_started: bool, why: str) -> None:
        if (run := self._forget(token)) is None:
            return
        cause = Cause.LOST if was_started else Cause.RETURNED
        if run.cause is Cause.CANCELED or (run.cause is Cause.INTERRUPTED and was_started):
            cause = run.cause
        self.on_end(Ending(run.claim, cause=cause, host=host(), pid=run.pid, duration=_age(run), why=why))
        self.capacity_changed()

    def capacity_changed(self) -> None:
        self.dispatch()
        self.on_room()

    def _forget(self, token: UUID) -> Run | None:
        run = self.active.pop(token, None)
        if run is not None:
            self.turns.end(token)
            self.deadlines.drop(token)
            self.suspects.discard(token)
            self.progress.pop(run.claim.stage, None)
            if run.timer is not None:
                run.timer.cancel()
        return run


def _age(run: Run) -> float | None:
    return None if run.started is None else time.monotonic() - run.started
