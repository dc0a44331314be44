"""What the manager and the fork server say to each other, apart from the stages."""

from __future__ import annotations

from uuid import UUID

import msgspec

from ..messages import Message, Unpacker, pack

__all__ = ["ServeOptions", "ToForkServer", "Unpacker", "for_fork_server", "from_fork_server", "pack"]


class ServeOptions(msgspec.Struct, frozen=True):
    """The argument of ``handle_stage --serve``, as JSON.

    ``slots`` holds the descriptors of each: the socket, then stdout and stderr, then perhaps a second pair.
    Handlers in ``skip`` are imported by children only. ``watches``: say when a loaded source file changes.
    """

    parent: int
    control: int
    slots: list[list[int]]
    max_stages: int = 1
    skip: list[str] = []
    watches: bool = False


class Fork(Message):
    """Start a child in the slot, which has none; ``handler`` is what it will run."""

    slot: int
    handler: str


class Signal(Message):
    """Send the signal to the group of the slot's child, if it lives."""

    slot: int
    signum: int


class Recall(Message):
    """Take out of the slot's socket what its child has not read."""

    slot: int


class Ping(Message):
    """Say that you are there."""


class Shutdown(Message):
    """Kill the children and end."""


class Ready(Message):
    pid: int


class Preparing(Message):
    """The handler's module is about to be imported in the server."""

    handler: str


class Prepared(Message):
    handler: str


class Unfit(Message):
    """The handler's module makes the server unfit to fork; only the children in ``running`` were started."""

    handler: str
    why: str
    running: list[int]


class Changed(Message):
    """A source file that the server has loaded has changed."""

    path: str


class Exited(Message):
    """The slot's child has ended, and all that it left behind: wait(2) status, seconds, KiB."""

    slot: int
    pid: int
    status: int
    user: float
    system: float
    max_rss: int


class Recalled(Message):
    """What was taken out of the slot's socket: tokens of requests, and of checkpoints with their answers."""

    slot: int
    requests: list[UUID]
    checkpointed: list[tuple[UUID, bool]]


class Pong(Message):
    pass


class Problem(Message):
    """Something to be logged."""

    text: str


ToForkServer = Fork | Signal | Recall | Ping | Shutdown
FromForkServer = Ready | Preparing | Prepared | Unfit | Changed | Exited | Recalled | Pong | Problem

for_fork_server = msgspec.json.Decoder(ToForkServer).decode
from_fork_server = msgspec.json.Decoder(FromForkServer).decode
