"""Numbers, times and foreign text as words on a page; each returns plain text that still has to be escaped."""

from __future__ import annotations

import signal
from datetime import datetime

from ..models import Task
from ..texts import NBSP, visible

#: Characters of a message in the sentence at the top of a page.
SENTENCE = 400


def seconds_between(start: datetime | None, end: datetime) -> float | None:
    return None if start is None else (end - start).total_seconds()


def size(count: float) -> str:
    """Say a number of bytes: 612 B, 64 KB, 1.9 GB."""
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return f"{count:.{1 if count < 10 and unit == 'MB' else 0}f}{NBSP}{unit}"
        count /= 1024
    return f"{count:.1f}{NBSP}GB"


def counts(task: Task) -> str:
    """Say how many stages ended: 142 of 200, 3 failed."""
    parts = [f"{task.finished_count:,} of {task.total_count:,}"]
    if task.error_count:
        parts.append(f"{task.error_count:,}{NBSP}failed")
    if task.canceled_count:
        parts.append(f"{task.canceled_count:,}{NBSP}canceled")
    return ", ".join(parts)


def ending(exit_code: int | None, number: int | None) -> str:
    """Say how a process ended, as far as that is known."""
    if number is not None:
        try:
            return f"signal {number} ({signal.Signals(number).name})"
        except ValueError:
            return f"signal {number}"
    return "" if exit_code is None else f"exit code {exit_code}"


def short_host(host: str) -> str:
    """Return the host name out of a host's full name, which also has its boot and namespace."""
    return visible(host).partition(" ")[0]
