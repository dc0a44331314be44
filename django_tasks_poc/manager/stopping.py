"""Being asked to stop: by signals, by the end of the work, by the clock."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stop:
    """One request to stop is graceful; the second is urgent."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self.urgent = asyncio.Event()
        self._was_signalled = False

    def request(self) -> None:
        """Ask for a graceful stop."""
        self.requested.set()

    def _signalled(self) -> None:
        self._was_signalled = True
        if self.requested.is_set():
            self.urgent.set()
        self.requested.set()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Stop on SIGTERM, SIGINT and SIGHUP, and put back what they did before.

        After a signal they are ignored: the process ends, and one more must not make a failure of that.
        """
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._signalled)
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_IGN if self._was_signalled else handler)
