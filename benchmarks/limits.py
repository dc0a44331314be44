"""What this machine can do at the most; run as a program, it prints how often it can fork."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import subprocess
import sys
import time

import django

from .databases import ROOT

#: Seconds that a limit is measured.
_SECONDS = 1.5
#: Cold starts that are measured.
_STARTS = 20
_PR_SET_PDEATHSIG = 1


def fork() -> float:
    """Return how many processes a second can be forked and reaped, measured in a process of its own.

    Two at a time, from a process that did django.setup(), each doing what no stage's process gets along without.
    """
    command = [sys.executable, "-m", "benchmarks.limits"]
    return float(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)


def start() -> float:
    """Return how many cold ``manage.py`` a second come up and end, two at a time."""
    command = [sys.executable, "manage.py", "handle_stage", "--help"]
    running: list[subprocess.Popen[bytes]] = []
    began, ended = time.perf_counter(), 0
    while ended < _STARTS:
        while len(running) < 2 and ended + len(running) < _STARTS:
            running.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL))
        assert running.pop(0).wait() == 0
        ended += 1
    return ended / (time.perf_counter() - began)


def _measure_fork() -> float:
    django.setup()
    libc = ctypes.CDLL(None)
    reader, writer = os.pipe()
    out = os.open(os.devnull, os.O_WRONLY)
    gc.collect()
    gc.freeze()
    for _ in range(2):
        _fork(libc, writer, out)
    began, ended = time.perf_counter(), 0
    while time.perf_counter() - began < _SECONDS:
        _, status = os.wait()
        assert status == 0
        os.read(reader, 1)
        ended += 1
        _fork(libc, writer, out)
    seconds = time.perf_counter() - began
    for _ in range(2):
        os.wait()
    return ended / seconds


def _fork(libc: ctypes.CDLL, writer: int, out: int) -> None:
    if os.fork():
        return
    os.setsid()
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.write(writer, b".")
    os._exit(0)


if __name__ == "__main__":
    print(_measure_fork())
