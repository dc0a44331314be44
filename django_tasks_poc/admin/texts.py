"""Numbers, times and foreign text as words on a page; each returns plain text that still has to be escaped."""

from __future__ import annotations

import signal
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext, ngettext

from ..models import Task
from ..texts import NBSP, amount, measure, visible

#: Characters of a message in the sentence at the top of a page.
SENTENCE = 400


def seconds_between(start: datetime | None, end: datetime) -> float | None:
    return None if start is None else (end - start).total_seconds()


def moment(at: datetime | None) -> str:
    """Return the exact time of a moment, in the time zone of the page."""
    if at is None:
        return ""
    return f"{timezone.localtime(at) if timezone.is_aware(at) else at:%Y-%m-%d %H:%M:%S %Z}".strip()


def size(count: float) -> str:
    """Say a number of bytes: 612 B, 64 KB, 1.9 GB."""
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return measure(unit, amount(count, 1 if count < 10 and unit == "MB" else 0))
        count /= 1024
    return measure("GB", amount(count, 1))


def counts(task: Task) -> str:
    """Say how many stages ended: 142 of 200, 3 failed."""
    words = gettext("%(done)s of %(total)s")
    parts = [words % {"done": amount(task.finished_count), "total": amount(task.total_count)}]
    if task.error_count:
        failed = ngettext("%(count)s failed", "%(count)s failed", task.error_count)
        parts.append((failed % {"count": amount(task.error_count)}).replace(" ", NBSP))
    if task.canceled_count:
        canceled = ngettext("%(count)s canceled", "%(count)s canceled", task.canceled_count)
        parts.append((canceled % {"count": amount(task.canceled_count)}).replace(" ", NBSP))
    return ", ".join(parts)


def ending(exit_code: int | None, signal_number: int | None) -> str:
    """Say how a process ended, as far as that is known."""
    if signal_number is None:
        return "" if exit_code is None else gettext("exit code %(code)s") % {"code": exit_code}
    try:
        name = signal.Signals(signal_number).name
    except ValueError:
        return gettext("signal %(number)s") % {"number": signal_number}
    return gettext("signal %(number)s (%(name)s)") % {"number": signal_number, "name": name}


def short_host(host: str) -> str:
    """Return the host name out of a host's full name, which also has its boot and namespace."""
    return visible(host).partition(" ")[0]
