"""The manager's end of a stage process: frames both ways, and what the process prints."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

import msgspec

from ..messages import ToManager, Unpacker, for_manager
from .output import Output

_READ = 65536


class Channel:
    """A socket and pipes of which nothing ever blocks.

    ``heard`` is called for each message, ``broken`` once for a peer that sends what is none.
    ``pipes`` are pairs of stdout and stderr.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        pipes: Sequence[tuple[int, int]],
        heard: Callable[[ToManager], None],
        broken: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._heard = heard
        self._broken = broken
        self._outputs = [(Output(loop, out), Output(loop, err)) for out, err in pipes]
        self._unpacker = Unpacker()
        self._unsent: memoryview | None = None
        self._deaf = False
        sock.setblocking(False)
        loop.add_reader(sock, self._read)

    @property
    def is_flushed(self) -> bool:
        """Whether all that was given to ``send`` is in the socket."""
        return self._unsent is None

    def send(self, frame: bytes) -> None:
        """Send the frame, or as much as the socket takes and the rest when it can."""
        if self._unsent is not None:
            self._unsent = memoryview(bytes(self._unsent) + frame)
            return
        sent = self._send(frame)
        if sent < len(frame):
            self._unsent = memoryview(frame)[sent:]
            self._loop.add_writer(self._sock, self._flush)

    def drain(self) -> None:
        """Read all that the process has sent."""
        while self._read():
            pass

    def take_output(self, side: int) -> tuple[str, str]:
        """Return the tails of stdout and stderr of one pair of pipes, and begin them anew."""
        out, err = self._outputs[side]
        return out.take(), err.take()

    def reset(self) -> None:
        """Forget the halves of frames, for a new process at the other end."""
        self._unpacker.clear()
        self._deaf = False
        if self._unsent is not None:
            self._unsent = None
            self._loop.remove_writer(self._sock)

    def close(self) -> None:
        self.reset()
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            self._sock.close()
        for pair in self._outputs:
            for output in pair:
                output.close()

    def _send(self, data: bytes | memoryview) -> int:
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            # Nobody is at the other end any more; that is noticed, and dealt with, by who watches the process.
            return len(data)

    def _flush(self) -> None:
        assert self._unsent is not None
        self._unsent = self._unsent[self._send(self._unsent) :]
        if not self._unsent:
            self._unsent = None
            self._loop.remove_writer(self._sock)

    def _read(self) -> bool:
        """Read one piece and pass on its messages; False when there is none."""
        if self._sock.fileno() < 0:
            return False
        try:
            data = self._sock.recv(_READ)
        except BlockingIOError:
            return False
        except ConnectionError:
            data = b""
        if not data:
            self._loop.remove_reader(self._sock)
            return False
        if not self._deaf:
            self._unpack(data)
        return True

    def _unpack(self, data: bytes) -> None:
        # Listed first: what hears a message may read this channel again.
        bodies: list[bytes] = []
        problem: Exception | None = None
        try:
            for body in self._unpacker.feed(data):
                bodies.append(body)
        except ValueError as error:
            problem = error
        for body in bodies:
            try:
                message = for_manager(body)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                problem = error
                break
            self._heard(message)
        if problem is not None:
            self._deaf = True
            self._broken(f"The process sent what is no message: {problem}")
