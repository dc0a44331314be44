"""Stages on their way through processes, and the slots of a fork server, as the manager sees them."""

from __future__ import annotations

import asyncio
import errno
import math
import os
import socket
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from ..exceptions import TooFewFiles
from ..messages import Report, Request, Started, ToManager, pack
from .base import Exit
from .channel import Channel
from .process import End, exit_code

if TYPE_CHECKING:
    from .server import Server

#: A request up to this many bytes goes into a socket whole, or not at all, and may be taken out of it again.
SMALL = 16384
#: Requests that are sent to a process before it is through with its stage: many where stages take so few seconds that
#: waiting for the next request would cost more, else one.
AHEAD, QUICK = 3, 0.005


def open_slots(count: int, make: Callable[[int], Slot]) -> list[Slot]:
    """Make so many slots; raise TooFewFiles where the system does not let."""
    slots: list[Slot] = []
    try:
        while len(slots) < count:
            slots.append(make(len(slots)))
    except OSError as error:
        for slot in slots:
            slot.close_descriptors()
            slot.channel.close()
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise
        raise TooFewFiles(
            f"The system lets this process have no more files open than {len(slots)} of its {count} places for stages "
            "need. Raise the limit (ulimit -n; LimitNOFILE= of a systemd unit), or lower --queue-size."
        ) from error
    return slots


class Stage:
    """A request and what has become of it."""

    __slots__ = ("doomed", "frame", "is_unwanted", "pid", "report", "request", "side", "slot", "started", "tries")

    def __init__(self, request: Request) -> None:
        self.request = request
        #: Where it runs, or will when the child comes to it; None while it is pending.
        self.slot: Slot | None = None
        self.frame = pack(request)
        self.started = False
        #: It is not to start any more.
        self.is_unwanted = False
        self.pid = 0
        self.report: Report | None = None
        #: The signal that it is to be ended with.
        self.doomed = 0
        #: How many processes have ended before they took it up.
        self.tries = 0
        #: Which pair of pipes it prints to.
        self.side = 0

    @property
    def token(self) -> UUID:
        return self.request.token

    def take_up(self, message: Started) -> None:
        self.started = True
        self.pid = message.pid
        # It is not sent a second time.
        self.frame = b""


class Slot:
    """One seat for a child of a fork server, with the socket and the pipes that all its children use in turn."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        number: int,
        max_stages: int,
        heard: Callable[[Slot, ToManager], None],
        broken: Callable[[Slot, str], None],
    ) -> None:
        self.number = number
        self.server: Server
        self._max_stages = max_stages
        self._sides = 1 if max_stages == 1 else 1 + AHEAD
        pipes = [(os.pipe(), os.pipe()) for _ in range(self._sides)]
        mine, theirs = socket.socketpair()
        #: The server's ends, to be closed when it has them.
        self.descriptors = [theirs.detach(), *(end[1] for pair in pipes for end in pair)]
        readers = [(out[0], err[0]) for out, err in pipes]
        self.channel = Channel(
            loop, mine, readers, lambda message: heard(self, message), lambda problem: broken(self, problem)
        )
        #: Given to the child and not over; all but the first are sent ahead.
        self.stages: deque[Stage] = deque()
        self.has_child = False
        #: Requests given to this child, and seconds of CPU that its ended stages took.
        self.taken = 0
        self.spent = 0.0
        #: When the first stage was given, or became the first.
        self.since = 0.0
        #: Seconds that the last stage here was the first.
        self.pace = math.inf
        #: Answers of the server to wait for before the socket is clean.
        self.recalls = 0
        #: The stage behind which nothing can be taken back any more.
        self.recalled_behind: UUID | None = None
        #: The stage for whose sake the child was signalled.
        self.signalled: UUID | None = None
        #: Why the child was killed for what it sent.
        self.problem = ""

    @property
    def current(self) -> Stage | None:
        return self.stages[0] if self.stages else None

    def takes_ahead(self, now: float, slow: float) -> bool:
        """Tell whether a small request may be sent to the child before it is through with its stage."""
        return (
            0 < len(self.stages) <= (AHEAD if self.pace < QUICK else 1)
            and self.has_child
            and self.taken < self._max_stages
            and self.stages[0].report is None
            and self.signalled is None
            and now - self.since <= slow
            and self.channel.is_flushed
        )

    def give(self, stage: Stage, now: float) -> None:
        """Send the request to the child that is there or will be."""
        stage.slot = self
        stage.side = self.taken % self._sides
        self.taken += 1
        self.stages.append(stage)
        if len(self.stages) == 1:
            self.since = now
        self.channel.send(stage.frame)

    def pass_on(self, cpu: float, now: float) -> None:
        """Let the next stage be the first."""
        self.stages.popleft()
        self.spent += cpu
        self.pace, self.since = now - self.since, now

    def take_back(self, tokens: list[UUID]) -> list[Stage]:
        """Remove the stages whose requests the server took out of the socket."""
        back = [stage for stage in self.stages if stage.token in tokens]
        for stage in back:
            self.stages.remove(stage)
            stage.slot = None
        self.taken -= len(back)
        return back

    def vacate(self) -> list[Stage]:
        """Forget the child, which is gone, and return the stages that were given to it."""
        stages = list(self.stages)
        self.stages.clear()
        for stage in stages:
            stage.slot = None
        self.channel.reset()
        self.has_child = False
        self.taken = 0
        self.spent = 0.0
        self.pace = math.inf
        self.signalled = None
        self.recalled_behind = None
        self.problem = ""
        return stages

    def exit(self, stage: Stage, end: End) -> Exit:
        """Return how the stage's process ended, with what the stage printed."""
        stdout, stderr = self.channel.take_output(stage.side)
        if self.problem:
            stderr = f"{stderr}\n{self.problem}" if stderr else self.problem
        return exit_of(end, stdout, stderr, spent=self.spent)

    def close_descriptors(self) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)
        self.descriptors = []


def exit_of(end: End, stdout: str, stderr: str, spent: float = 0.0) -> Exit:
    """Translate an end; ``spent`` seconds of CPU are those of earlier stages of the process."""
    code, signum = exit_code(end.status)
    user = max(0.0, end.user - spent)
    system = max(0.0, end.system - max(0.0, spent - end.user))
    return Exit(end.pid, code, signum, user, system, end.max_rss, stdout, stderr)
