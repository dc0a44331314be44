"""What stages print: pipes that are read all the time, of which only the end is kept."""

from __future__ import annotations

import asyncio
import os

#: Bytes of each stream that are kept.
TAIL = 8192
_READ = 65536
#: A last look at a pipe reads no more than this, whoever may still write to it.
_LAST_LOOK = 32


class Output:
    """The manager's end of one pipe, and the last 8 KiB that came through it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int) -> None:
        os.set_blocking(fd, False)
        self._loop = loop
        self._fd = fd
        self._tail = b""
        loop.add_reader(fd, self._read)

    def take(self) -> str:
        """Read what is there, return the tail as text, and begin anew."""
        for _ in range(_LAST_LOOK):
            if not self._read():
                break
        if not self._tail:
            return ""
        tail, self._tail = self._tail, b""
        return tail.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")

    def close(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _read(self) -> bool:
        """Read one piece; False when there is none."""
        if self._fd < 0:
            return False
        try:
            data = os.read(self._fd, _READ)
        except BlockingIOError:
            return False
        if not data:
            self.close()
            return False
        self._tail = data[-TAIL:] if len(data) >= TAIL else (self._tail + data)[-TAIL:]
        return True
