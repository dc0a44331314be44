"""Foreign text, numbers and times as words, for pages and terminals; what goes into HTML still has to be escaped."""

from __future__ import annotations

import re
import unicodedata

from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

NBSP = "\N{NO-BREAK SPACE}"
_BIDI = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SYMBOLS: dict[int, str] = {
    **{code: chr(0x2400 + code) for code in range(32) if code not in (9, 10)},
    0x7F: "\N{SYMBOL FOR DELETE}",
    **{code: f"\\x{code:02x}" for code in range(0x80, 0xA0)},
    **{code: f"\\u{code:04x}" for code in _BIDI},  # they would turn around the text beside them
}
_UNITS = {
    "ms": _("%(count)s ms"), "s": _("%(count)s s"), "min": _("%(count)s min"), "h": _("%(count)s h"),
    "d": _("%(count)s d"), "B": _("%(count)s B"), "KB": _("%(count)s KB"), "MB": _("%(count)s MB"),
    "GB": _("%(count)s GB"),
}  # fmt: skip


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


def amount(value: float, digits: int = 0) -> str:
    """Return a number as the reader's language writes it: 39,389 or 4.2 in English."""
    return number_format(value, digits, force_grouping=True)


def short_amount(value: float) -> str:
    """Return a number to three digits, without zeros behind the point: 60,950, 28.4, 1.6, 0.25."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    while digits and round(value, digits) == round(value, digits - 1):
        digits -= 1
    return amount(value, digits)


def duration(seconds: float | None) -> str:
    """Say how long something took: 4.2 s, 1 min 49 s, 3 h 04 min, 2 d 4 h."""
    if seconds is None:
        return "–"
    if (seconds := max(0.0, seconds)) < 59.95:
        return measure("s", amount(seconds, 1))
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{measure('min', minutes)} {measure('s', f'{rest:02}')}"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{measure('h', hours)} {measure('min', f'{minutes:02}')}"
    return f"{measure('d', amount(hours // 24))} {measure('h', hours % 24)}"


def about(seconds: float) -> str:
    """Say an age in its largest unit: 8 s, 12 min, 3 h, 5 d."""
    seconds = max(0.0, seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return measure(unit, amount(seconds // size))
    return measure("s", int(seconds))


def measure(unit: str, count: object) -> str:
    """Return a number with one of our units, which no line is broken between."""
    return (str(_UNITS[unit]) % {"count": count}).replace(" ", NBSP)


def width(text: str) -> int:
    """Return how many cells of a terminal the text takes: wide characters two, combining ones none."""
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
