"""Words for errors: a foreign value cut short, and the name that was meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

#: Ten years: a longer time is a mistake, and no clock can add it to a date.
MOST_SECONDS = 10 * 366 * 86400.0

_LIMIT = 100


def short(value: Any) -> str:
    """Return the value as code shows it, cut to 100 characters; one that cannot be shown is named by its type."""
    try:
        text = repr(value)
    except Exception:  # Whatever a foreign __repr__ raises: it is not what the error is about.
        text = f"<{type(value).__qualname__}>"
    return text if len(text) <= _LIMIT else f"{text[:_LIMIT]}…"


def meant(name: Any, known: Iterable[str]) -> str:
    """Return a sentence with the closest known name, if one is close, and all that are known."""
    names = {known_name.lower(): known_name for known_name in sorted(known)}
    close = get_close_matches(str(name).lower(), names, 1)
    hint = f"Did you mean {names[close[0]]!r}? " if close else ""
    return f"{hint}Known: {', '.join(names.values())}."


def is_seconds(value: Any, least: float) -> bool:
    """Say whether the value is a number of seconds from ``least`` to ten years."""
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= MOST_SECONDS
