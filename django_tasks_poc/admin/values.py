"""Stored JSON as it may be shown: indented, secrets masked, cut."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache

import msgspec
from django.views.debug import SafeExceptionReporterFilter, get_default_exception_reporter_filter

from ..serialization import from_json
from ..texts import visible
from .texts import size

LIMIT = 64 * 1024


@dataclass(frozen=True)
class Shown:
    """A text and what is to be known about it; false when there is neither."""

    text: str = ""
    note: str = ""

    def __bool__(self) -> bool:
        return bool(self.text or self.note)


def show_json(text: str, limit: int = LIMIT) -> Shown:
    """Return JSON text for a page, at most ``limit`` bytes of it; text that is no JSON is shown as it is."""
    if not text:
        return Shown()
    notes = []
    try:
        plain = json.dumps(_filter().cleanse_setting("", from_json(text)), indent=2, ensure_ascii=False)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        plain = _mask(text)
        notes.append("This cannot be read as JSON; here is the text as it is stored.")
    raw = plain.encode("utf-8", "replace")
    if len(raw) > limit:
        plain = raw[:limit].decode("utf-8", "ignore")
        notes.append(f"Cut after {size(limit)}; the whole has {size(len(text.encode('utf-8', 'replace')))}.")
    return Shown(visible(plain), " ".join(notes))


def _filter() -> SafeExceptionReporterFilter:
    """Return what masks settings on Django's error pages, the project's own if it has one."""
    found = get_default_exception_reporter_filter()
    return found if isinstance(found, SafeExceptionReporterFilter) else SafeExceptionReporterFilter()


def _mask(text: str) -> str:
    """Mask what follows a key that looks secret, as well as that can be done in text that is no JSON."""
    return _secrets(_filter().hidden_settings.pattern).sub(
        lambda found: f'{found[1]}"{SafeExceptionReporterFilter.cleansed_substitute}"', text
    )


@lru_cache(maxsize=8)
def _secrets(words: str) -> re.Pattern[str]:
    value = r"""(?:"(?:[^"\\]|\\.)*"?|\[[^\]]*\]?|\{[^}]*\}?|[^,}\]\s]+)"""
    return re.compile(rf"""("[^"]*(?:{words})[^"]*"\s*:\s*){value}""", re.IGNORECASE | re.DOTALL)
