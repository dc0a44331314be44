"""What a stage process does: takes requests, runs them, sends the reports, ends."""

from __future__ import annotations

# The functions under those of ``signal``, which make enums of what they return: 60 page faults in a forked child.
import _signal  # type: ignore[import-not-found]
import contextlib
import faulthandler
import io
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

from ..connections import abandon_all
from ..messages import Link, Report, Request, pack
from . import process
from .link import SocketLink, mute_forks
from .restore import Snapshot, flush, reseed

# Plain numbers, for the same reason.
_DEFAULTS = (int(signal.SIGTERM), int(signal.SIGHUP), int(signal.SIGCHLD))
_SIGINT, _UNBLOCK = int(signal.SIGINT), int(signal.SIG_UNBLOCK)

Run = Callable[[Request, Link], Report]


def run_cold(run: Run, fd: int) -> NoReturn:
    """Run the one stage whose request comes through the descriptor ``fd``, and end the process.

    For ``handle_stage --fd``: call it when Django is ready.
    """
    sock = socket.socket(fileno=fd)
    faulthandler.enable()
    if process.IS_LINUX:
        process.die_with_parent(_peer(sock))
    process.close_on_exec()
    open_up_streams()
    work(sock, [], run, 1)


def rehearse(run: Run, request: Request) -> None:
    """Run a stage in a fork server, so that its children find in caches what each would have to work out anew.

    For a trivial stage that is half of all the pages it touches, and so copies.
    """
    mine, theirs = socket.socketpair()
    with mine, theirs:
        mine.send(pack(request))
        _stages(SocketLink(theirs), (), run, 1)
        mute_forks()


def begin(parent: int, sock: socket.socket, outputs: Sequence[tuple[int, int]], run: Run, max_stages: int) -> NoReturn:
    """Take up work in a process that was just forked by the fork server, with SIGTERM still blocked."""
    try:
        # At once, so that a failure below is in the post-mortem of the stage.
        _redirect(*outputs[0])
        os.setsid()
        process.die_with_parent(parent)
        process.adopt_orphans()
        _default_signals()
        reseed()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    work(sock, outputs, run, max_stages)


def open_up_streams() -> None:
    """Let stdout and stderr take whatever is printed, and pass it on before a crash: lines, and last words at once.

    Without ``python -u`` half a line on stderr would wait in a buffer, and go with the process.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]
    raw = io.FileIO(2, "w", closefd=False)
    sys.stderr = io.TextIOWrapper(raw, sys.stderr.encoding, sys.stderr.errors, write_through=True)


def work(sock: socket.socket, outputs: Sequence[tuple[int, int]], run: Run, max_stages: int) -> NoReturn:
    """Run up to ``max_stages`` stages and end the process, whatever happens.

    ``outputs`` are pairs of descriptors for stdout and stderr; the stages use them in turn.
    """
    code = 1
    try:
        code = _stages(SocketLink(sock), outputs, run, max_stages)
    except SystemExit as exit:
        code = _exit_code(exit)
    except BaseException:
        with contextlib.suppress(Exception):
            traceback.print_exc()
    finally:
        flush()
        # Not sys.exit: threads and atexit of the fork server, or of user code, could hold the process up.
        os._exit(code)


def _stages(link: SocketLink, outputs: Sequence[tuple[int, int]], run: Run, max_stages: int) -> int:
    snapshot = Snapshot() if max_stages > 1 else None
    spent = 0.0
    for number in range(max_stages):
        request = link.receive()
        if request is None:
            return 0
        if outputs:
            # Two pairs in turn: what a stage prints is not mixed with what the one before printed last.
            _redirect(*outputs[number % len(outputs)])
        report = run(request, link)
        if not link.is_mine:
            # A fork of the stage that returned into its parent's code.
            return 0
        goes_on = snapshot is not None and number + 1 < max_stages and snapshot.restore()
        if goes_on:
            cpu, max_rss = _usage()
            report.cpu, report.max_rss = cpu - spent, max_rss
            spent = cpu
        else:
            if not outputs:
                report.max_rss = process.peak_memory()
            flush()
        link.report(report, goes_on=goes_on)
        if not goes_on:
            break
    abandon_all()
    return 0


def _redirect(out: int, err: int) -> None:
    os.dup2(out, 1)
    os.dup2(err, 2)


def _usage() -> tuple[float, int]:
    """Return the seconds of CPU and the peak KiB of this process and its reaped children."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
    return seconds, max(own.ru_maxrss, others.ru_maxrss) // process.RSS_UNIT


def _default_signals() -> None:
    _signal.set_wakeup_fd(-1)
    for number in _DEFAULTS:
        _signal.signal(number, _signal.SIG_DFL)
    _signal.signal(_SIGINT, _signal.default_int_handler)
    _signal.pthread_sigmask(_UNBLOCK, process.HELD_SIGNALS)


def _exit_code(exit: SystemExit) -> int:
    """Return the code that Python would end with; a message goes to stderr."""
    if exit.code is None:
        return 0
    if isinstance(exit.code, int):
        return exit.code & 0xFF
    with contextlib.suppress(Exception):
        sys.stderr.write(f"{exit.code}\n")
    return 1


def _peer(sock: socket.socket) -> int:
    """Return the pid of the process that made the socket pair: the manager."""
    size = 12
    return int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)[:4], sys.byteorder)
