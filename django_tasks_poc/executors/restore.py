"""What a process that runs one stage after another puts back between two of them."""

from __future__ import annotations

# Under ``signal``, which makes an enum of each number: that would take longer than all else here.
import _signal  # type: ignore[import-not-found]
import os
import signal
import sys
import threading
from typing import Any

from ..connections import abandon_all
from .knobs import Knobs
from .process import thread_count

#: A stage may leave a few descriptors open (a cache, a log file); a process that loses more is replaced.
_LOST_DESCRIPTORS = 32
_SIGNALS = sorted(int(number) for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


class Snapshot:
    """The state of the process before its first stage."""

    def __init__(self) -> None:
        self._cwd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._environ = _environ().copy()
        self._umask = os.umask(0)
        os.umask(self._umask)
        self._handlers = [(number, _signal.getsignal(number)) for number in _SIGNALS]
        self._blocked = _signal.pthread_sigmask(_signal.SIG_BLOCK, ())
        self._streams = (sys.stdin, sys.stdout, sys.stderr)
        self._ids = (os.getuid(), os.geteuid(), os.getgid(), os.getegid())
        self._threads = (threading.active_count(), thread_count())
        self._knobs = Knobs()
        self._stdin = _identity(0)
        self._descriptor = _lowest_descriptor()

    def restore(self) -> bool:
        """Put everything back; False when something cannot be, and the process must be replaced."""
        try:
            self._restore_process()
            self._restore_streams()
            restore_django()
            return self._is_alone()
        except Exception:  # Whatever it is: a new process has none of it.
            return False

    def _restore_process(self) -> None:
        os.fchdir(self._cwd)
        if _environ() != self._environ:
            os.environb.clear()
            os.environb.update(self._environ)
        os.umask(self._umask)
        self._knobs.turn_back()
        for number, handler in self._handlers:
            if _signal.getsignal(number) is not handler:
                # None stands for a handler that was not set in Python: TypeError, so a new process.
                _signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, self._blocked)

    def _restore_streams(self) -> None:
        sys.stdin, sys.stdout, sys.stderr = self._streams
        if not flush():
            raise ValueError("A standard stream is closed.")

    def _is_alone(self) -> bool:
        return (
            not has_children()
            and (os.getuid(), os.geteuid(), os.getgid(), os.getegid()) == self._ids
            and threading.active_count() <= self._threads[0]
            and thread_count() <= self._threads[1]
            and _identity(0) == self._stdin
            and _lowest_descriptor() <= self._descriptor + _LOST_DESCRIPTORS
        )


def flush() -> bool:
    """Write out what was printed, also to streams that the stage put there; False when one is closed or broken."""
    is_well = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except Exception:  # Whatever object the stage has put there.
            is_well = False
    return is_well


def has_children() -> bool:
    """Reap the children that have ended; tell whether others live."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def restore_django() -> None:
    """Close the connections, which rolls back, and forget language and time zone."""
    abandon_all()
    from django.utils import timezone, translation

    translation.deactivate()
    timezone.deactivate()


def _environ() -> dict[bytes, bytes]:
    """Return the environment as ``os`` keeps it, since it translates every name and value for whoever asks it."""
    found: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined]
    return found


def _identity(descriptor: int) -> tuple[int, int]:
    """Return what tells whether it is still the same file."""
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _lowest_descriptor() -> int:
    descriptor = os.dup(0)
    os.close(descriptor)
    return descriptor


def reseed() -> None:
    """Give a forked process random numbers of its own; ``random`` does so by itself."""
    numpy: Any = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()
