"""A stage for each thing around it that a handler may change or break."""

from __future__ import annotations

import contextlib
import decimal
import gc
import locale
import logging
import os
import resource
import signal
import socket
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.utils import timezone, translation

from django_tasks_poc import TaskHandlerBase


def write(name: str) -> None:
    Group.objects.create(name=name)


def removed_folder() -> None:
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    os.rmdir(folder)


def environment() -> None:
    os.environ["LEAK"] = "1"
    os.environ.pop("PATH")
    os.putenv("LEAK_TOO", "1")


def close(*descriptors: int) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def another_stdin() -> None:
    os.close(0)
    os.open("/dev/zero", os.O_RDONLY)


def limit(number: int, soft: int) -> None:
    resource.setrlimit(number, (soft, resource.getrlimit(number)[1]))


def logger() -> None:
    logging.getLogger().addHandler(logging.NullHandler())
    logging.getLogger("django").setLevel(logging.CRITICAL)
    logging.basicConfig(level=logging.DEBUG, force=True)
    logging.disable(logging.CRITICAL)


def closed_stream(name: str) -> None:
    # It is another object's, so that nothing but the stream itself is closed.
    getattr(sys, name).close()


def replaced_streams() -> None:
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # left open on purpose


def raising_stream() -> None:
    class Raises:
        def write(self, text: str) -> int:
            raise OSError("not today")

        flush = write

    sys.stdout = Raises()  # type: ignore[assignment]


def broken_connection() -> None:
    write("kept by broken connection")
    assert connection.connection is not None
    connection.connection.close()


def open_cursor() -> None:
    connection.cursor().execute("SELECT 1")


def autocommit_off() -> None:
    transaction.set_autocommit(False)
    write("lost with autocommit off")


def inside_atomic() -> None:
    transaction.atomic().__enter__()
    write("lost inside atomic")


def committed_by_hand() -> None:
    transaction.set_autocommit(False)
    write("kept by hand")
    transaction.commit()
    transaction.set_autocommit(True)


#: After these the process takes the next stage (after a change of priority if it may raise it again).
PUT_BACK: dict[str, Callable[[], object]] = {
    "folder": lambda: os.chdir("/"),
    "removed folder": removed_folder,
    "environment": environment,
    "umask": lambda: os.umask(0o077),
    "signals": lambda: [signal.signal(one, signal.SIG_IGN) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)],
    "blocked signals": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR2]),
    "timers": lambda: [signal.setitimer(which, 100) for which in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL)],
    "language": lambda: translation.activate("de"),
    "time zone": lambda: timezone.activate("Asia/Tokyo"),
    "locale": lambda: locale.setlocale(locale.LC_ALL, "C"),
    "replaced streams": replaced_streams,
    "raising stream": raising_stream,
    "number of files": lambda: limit(resource.RLIMIT_NOFILE, 64),
    "memory": lambda: limit(resource.RLIMIT_DATA, 1 << 40),
    "CPU time": lambda: limit(resource.RLIMIT_CPU, 1000),
    "priority": lambda: os.nice(1),
    "cores": lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),
    "path": lambda: sys.path.insert(0, "/nowhere"),
    "no path": lambda: sys.path.clear(),
    "logger": logger,
    "recursion limit": lambda: sys.setrecursionlimit(200),
    "collector": gc.disable,
    "socket timeout": lambda: socket.setdefaulttimeout(0.001),
    "precision": lambda: setattr(decimal.getcontext(), "prec", 2),
    "hooks": lambda: setattr(sys, "excepthook", print),
    "closed connection": lambda: (write("kept by closed connection"), connection.close()),
    "broken connection": broken_connection,
    "open cursor": open_cursor,
    "committed by hand": committed_by_hand,
}
#: After these it does not.
REPLACED: dict[str, Callable[[], object]] = {
    "closed stdout": lambda: closed_stream("stdout"),
    "closed stderr": lambda: closed_stream("stderr"),
    "descriptor 0": lambda: close(0),
    "descriptors 0, 1 and 2": lambda: close(0, 1, 2),
    "another stdin": another_stdin,
    "many descriptors": lambda: [os.dup(0) for _ in range(100)],
    "thread": lambda: threading.Thread(target=signal.pause, daemon=True).start(),
}
TRANSACTIONS: dict[str, Callable[[], object]] = {"autocommit off": autocommit_off, "inside atomic": inside_atomic}
#: These are done in a transaction of the stage.
ATOMIC: dict[str, Callable[[], object]] = {
    "atomic in atomic": inside_atomic,
    "closed atomic connection": lambda: connection.close(),  # the proxy, not one wrapper of it
}


class Changes(TaskHandlerBase):
    """Does what its name says; answers with its pid."""

    def __init__(self, what: str) -> None:
        self.what = what

    def handle(self, context: Any) -> Any:
        with warnings.catch_warnings():
            (PUT_BACK | REPLACED | TRANSACTIONS | ATOMIC)[self.what]()
        return self.success("changed", os.getpid())

    def handle_error(self, context: Any, error: Any) -> Any:
        write(f"told of {self.what}")
        return error


class ChangesAtomically(Changes):
    atomic = True


class ClosesAll(TaskHandlerBase):
    """Closes the descriptors from this one on, as a daemon does."""

    def __init__(self, first: int, opens: str = "") -> None:
        self.first, self.opens = first, opens

    def handle(self, context: Any) -> Any:
        os.closerange(self.first, 1024)
        if self.opens:
            # One of these has the number that the way to the manager had.
            for number in range(64):
                os.open(f"{self.opens}.{number}", os.O_CREAT | os.O_RDWR)
        return self.success("closed", os.getpid())
