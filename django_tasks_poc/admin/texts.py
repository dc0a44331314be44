"""Numbers, times and foreign text as words on a page; each returns plain text that still has to be escaped."""

from __future__ import annotations

import re
import signal
from datetime import datetime

from ..models import Task

#: Characters of a message in the sentence at the top of a page.
SENTENCE = 400

_NBSP = "\N{NO-BREAK SPACE}"
_BIDI = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SYMBOLS: dict[int, str] = {
    **{code: chr(0x2400 + code) for code in range(32) if code not in (9, 10)},
    0x7F: "\N{SYMBOL FOR DELETE}",
    **{code: f"\\x{code:02x}" for code in range(0x80, 0xA0)},
    **{code: f"\\u{code:04x}" for code in _BIDI},  # they would turn around the text beside them
}


def visible(text: str) -> str:
    """Show control characters, all but tab and newline, as symbols like ␛."""
    return text.translate(_SYMBOLS)


def one_line(text: str, limit: int = 120) -> str:
    """Return the text on one line, cut to ``limit`` characters."""
    line = visible(re.sub(r"[ \t\r\n]+", " ", text[: limit * 8]).strip())
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


def cut(text: str, limit: int) -> str:
    """Return the text with its lines, cut to ``limit`` characters."""
    return visible(text) if len(text) <= limit else f"{visible(text[:limit])}…"


def duration(seconds: float | None) -> str:
    """Say how long something took: 4.2 s, 1 min 49 s, 3 h 04 min, 2 d 4 h."""
    if seconds is None:
        return "–"
    if (seconds := max(0.0, seconds)) < 59.95:
        return f"{seconds:.1f}{_NBSP}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{_NBSP}min {rest:02}{_NBSP}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}{_NBSP}h {minutes:02}{_NBSP}min"
    return f"{hours // 24}{_NBSP}d {hours % 24}{_NBSP}h"


def seconds_between(start: datetime | None, end: datetime) -> float | None:
    return None if start is None else (end - start).total_seconds()


def about(seconds: float) -> str:
    """Say an age in its largest unit: 8 s, 12 min, 3 h, 5 d."""
    seconds = max(0.0, seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size):,}{_NBSP}{unit}"
    return f"{int(seconds)}{_NBSP}s"


def size(count: float) -> str:
    """Say a number of bytes: 612 B, 64 KB, 1.9 GB."""
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return f"{count:.{1 if count < 10 and unit == 'MB' else 0}f}{_NBSP}{unit}"
        count /= 1024
    return f"{count:.1f}{_NBSP}GB"


def counts(task: Task) -> str:
    """Say how many stages ended: 142 of 200, 3 failed."""
    parts = [f"{task.finished_count:,} of {task.total_count:,}"]
    if task.error_count:
        parts.append(f"{task.error_count:,}{_NBSP}failed")
    if task.canceled_count:
        parts.append(f"{task.canceled_count:,}{_NBSP}canceled")
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
