"""Messages between a manager and its stage processes: length-prefixed JSON with a kind and a version.

Manager to child: ``Request``, ``Checkpointed``.
Child to manager: ``Started``, ``Progress``, ``Checkpoint``, ``Report``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Protocol
from uuid import UUID

import msgspec

from .outcomes import Answer

VERSION = 1
#: A frame above this is no message of ours (256 MiB).
MAX_FRAME = 1 << 28

_LENGTH = struct.Struct("!I")
#: Bytes before the body of a frame.
HEAD = _LENGTH.size


class Message(msgspec.Struct, tag_field="kind", tag=str.lower, omit_defaults=True):
    """Base of all messages."""


class PreviousData(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outcome of the stage before, as it is stored."""

    stage: UUID
    state: str
    message: str = ""
    response: str = ""
    response_type: str = ""
    error_class: str = ""
    error_message: str = ""
    traceback: str = ""
    #: The nested task that it waited for.
    nested: UUID | None = None


class Request(Message):
    """All that a process needs to run one stage, so that a trivial one does no query."""

    task: UUID
    stage: UUID
    #: Fences the start: only its holder may record the outcome.
    token: UUID
    node: str
    handler: str
    #: JSON text.
    params: str
    #: JSON text; the task's shared context.
    shared: str = ""
    is_finally: bool = False
    atomic: bool = False
    attempt: int = 1
    #: Seconds the attempt may take.
    timeout: float = 300.0
    max_response_size: int = 1 << 20
    #: JSON text; "" when the stage kept no cursor.
    cursor: str = ""
    #: Dotted paths of exceptions after which the stage may be retried.
    retry_on: tuple[str, ...] = ("builtins.Exception",)
    previous: PreviousData | None = None
    version: int = VERSION


class Started(Message):
    """The child has taken the request up."""

    token: UUID
    pid: int


class Progress(Message):
    token: UUID
    done: float
    total: float
    message: str = ""


class Checkpoint(Message):
    """A cursor to be committed; the child waits for ``Checkpointed``."""

    token: UUID
    #: JSON text.
    cursor: str


class Checkpointed(Message):
    """The cursor is committed, or refused because the stage is no longer the child's."""

    token: UUID
    accepted: bool = True


class Report(Message):
    """How the handler answered, ready to be recorded."""

    token: UUID
    answer: Answer
    message: str = ""
    #: JSON text and the dotted path of its type.
    response: str = ""
    response_type: str = ""
    error_class: str = ""
    error_message: str = ""
    traceback: str = ""
    nested: UUID | None = None
    seconds: float = 0.0
    #: The answer came out of an exception that the retry policy matches.
    retriable: bool = False
    #: The child has recorded the outcome itself (an atomic stage).
    recorded: bool = False
    #: Of an outcome that the child recorded: the tasks that ended, and whether something is left to be settled.
    ended: tuple[UUID, ...] = ()
    unsettled: bool = False
    #: Seconds of user and system CPU, and KiB of peak memory, of a process that goes on to other stages.
    cpu: float | None = None
    max_rss: int | None = None


ToChild = Request | Checkpointed
ToManager = Started | Progress | Checkpoint | Report

_encoder = msgspec.json.Encoder()
_to_child = msgspec.json.Decoder(ToChild)
_to_manager = msgspec.json.Decoder(ToManager)


def pack(message: Message) -> bytes:
    """Return the message as a frame: four bytes of length, then JSON."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


def for_child(body: bytes) -> ToChild:
    message: ToChild = _to_child.decode(body)
    return message


def for_manager(body: bytes) -> ToManager:
    message: ToManager = _to_manager.decode(body)
    return message


class Unpacker:
    """Cuts a stream of bytes into the bodies of frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the bodies that ``data`` completes; raise ValueError on what is no frame."""
        self._buffer += data
        start = 0
        try:
            while len(self._buffer) - start >= _LENGTH.size:
                (length,) = _LENGTH.unpack_from(self._buffer, start)
                if length > MAX_FRAME:
                    raise ValueError(f"A frame of {length} bytes is no message.")
                end = start + _LENGTH.size + length
                if len(self._buffer) < end:
                    return
                body = bytes(self._buffer[start + _LENGTH.size : end])
                start = end
                yield body
        finally:
            del self._buffer[:start]

    def missing(self, ahead: bytes) -> int:
        """Return how many bytes end the frame under way; ``ahead`` are the next ones, not taken from the stream yet."""
        start = (bytes(self._buffer[:HEAD]) + ahead)[:HEAD]
        if len(start) < HEAD:
            return HEAD
        return HEAD + int(_LENGTH.unpack(start)[0]) - len(self._buffer)

    def clear(self) -> None:
        """Forget a frame that its sender did not finish."""
        self._buffer.clear()


class Link(Protocol):
    """What a running stage says to its manager."""

    def progress(self, done: float, total: float, message: str) -> None:
        """Tell how far the stage is; never blocks, never fails."""

    def checkpoint(self, cursor: str) -> bool:
        """Have the cursor (JSON text) committed; False when the stage is no longer this process's."""
