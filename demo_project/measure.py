"""Run a child process to its end and measure it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LOOK_EVERY = 0.05  # seconds
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in one of ru_maxrss


@dataclass(frozen=True)
class Measured:
    exit_code: int
    seconds: float
    peak_bytes: int


def run_measured(command: Sequence[str]) -> Measured:
    """Run ``command`` with our own stdin, stdout and stderr; an interrupt is waited out, then raised."""
    begun = time.monotonic()
    process = subprocess.Popen(command)
    try:
        peak = watch(process)
    except KeyboardInterrupt:  # the terminal has sent it to the child too, which puts its work down
        process.wait()
        raise
    return Measured(process.returncode, time.monotonic() - begun, peak)


def watch(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end of the process and return its peak memory in bytes."""
    peak = 0
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return peak or int(usage.ru_maxrss) * RSS_UNIT
        peak = max(peak, high_water_mark(process.pid))
        time.sleep(LOOK_EVERY)


def high_water_mark(pid: int) -> int:
    """Return the peak memory of one process in bytes, or 0 where /proc does not tell.

    Preferred to ru_maxrss, which is the largest of a process, of all its children, and of us at the time of the fork.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
