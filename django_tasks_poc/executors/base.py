"""The interface between the manager's loop and what runs the stages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol
from uuid import UUID

import msgspec

from ..messages import Checkpoint, Progress, Report, Request


class Exit(msgspec.Struct, frozen=True):
    """How a stage's process ended.

    ``code`` or ``signal`` is set, not both. ``user_cpu`` and ``system_cpu`` are seconds, ``max_rss`` is KiB;
    ``stdout`` and ``stderr`` are the last 8 KiB of what was printed, NUL and bad bytes replaced.
    """

    pid: int = 0
    code: int | None = None
    signal: int | None = None
    user_cpu: float = 0.0
    system_cpu: float = 0.0
    max_rss: int = 0
    stdout: str = ""
    stderr: str = ""


class Listener(Protocol):
    """Whom an executor tells what happens; every method is called in the loop's thread."""

    def started(self, token: UUID, pid: int) -> None:
        """The process has taken the request up; the clock of the timeout starts here."""

    def progressed(self, message: Progress) -> None: ...

    def checkpoint(self, message: Checkpoint) -> None:
        """The process waits until ``Executor.checkpointed`` is called for its token."""

    def ended(self, token: UUID, report: Report | None, exit: Exit) -> None:
        """The stage is over and nothing of it runs any more: its answer, or None where it sent none (a crash)."""

    def lost(self, token: UUID, was_started: bool, why: str) -> None:
        """The stage is over through no fault of its own (its fork server died); nothing of it runs any more."""

    def capacity_changed(self) -> None:
        """``Executor.free`` may have grown."""


class Executor(ABC):
    """Runs requests in processes. Made in, and used from, the thread of the running loop only."""

    @abstractmethod
    async def start(self) -> None:
        """Make ready to accept requests."""

    @property
    @abstractmethod
    def free(self) -> int:
        """How many more requests ``submit`` takes now."""

    @abstractmethod
    def submit(self, request: Request) -> None:
        """Run the request; the listener hears of it. Never blocks."""

    @abstractmethod
    def withdraw(self, token: UUID) -> None:
        """Have the stage not begin, if it has not: the listener hears ``lost``. What has begun goes on."""

    @abstractmethod
    def terminate(self, token: UUID) -> None:
        """Ask the stage's process group to end (SIGTERM). Does nothing when it is over."""

    @abstractmethod
    def kill(self, token: UUID) -> None:
        """End the stage's process group (SIGKILL). Does nothing when it is over."""

    @abstractmethod
    def checkpointed(self, token: UUID, accepted: bool) -> None:
        """Let the process go on that waits for its checkpoint."""

    @abstractmethod
    async def stop(self) -> None:
        """Kill what still runs and release everything; the listener hears ``lost`` for each stage not ended."""
