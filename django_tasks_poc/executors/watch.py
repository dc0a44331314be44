"""Hearing of a child's exit in the loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

#: Seconds between two looks where the platform has no pidfd.
_LOOK_EVERY = 0.02


class ExitWatch:
    """Calls back once when the child has exited; elsewhere than on Linux, again and again to see whether it has."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pid: int, exited: Callable[[], None]) -> None:
        self._loop = loop
        self._exited = exited
        self._fd = -1
        self._timer: asyncio.TimerHandle | None = None
        if hasattr(os, "pidfd_open"):
            self._fd = os.pidfd_open(pid)
            loop.add_reader(self._fd, self._readable)
        else:
            self._timer = loop.call_later(_LOOK_EVERY, exited)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._forget()

    def _readable(self) -> None:
        self._forget()
        self._exited()

    def _forget(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
