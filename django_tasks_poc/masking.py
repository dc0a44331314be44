"""Stored JSON with its secrets masked, in a time that grows with its length, however it is nested."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
from django.views.debug import SafeExceptionReporterFilter, get_default_exception_reporter_filter

from .serialization import from_json

#: Levels that are indented; deeper ones would be blanks for the most part.
_INDENTED = 20

_encode = json.JSONEncoder(ensure_ascii=False).encode


def masked_json(text: str) -> Any:
    """Return the plain value of JSON text, secrets masked as on Django's error pages; raise as from_json does."""
    rule = _filter()
    whole: list[Any] = [from_json(text)]
    pending: list[Any] = [whole]
    while pending:
        found = pending.pop()
        is_dict = isinstance(found, dict)
        for key, item in found.items() if is_dict else enumerate(found):
            name = key if is_dict else ""
            if not isinstance(item, dict | list):
                found[key] = rule.cleanse_setting(name, item)
            elif instead := rule.cleanse_setting(name, ""):
                found[key] = instead
            else:
                pending.append(item)
    return whole[0]


def masked_compact(text: str) -> str:
    """Return JSON text, or the beginning of one, with its secrets masked, on one line if it can be read."""
    try:
        return json.dumps(masked_json(text), ensure_ascii=False, separators=(",", ":"))
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return masked_text(text)


def masked_text(text: str) -> str:
    """Return text that is no JSON up to the first word that looks like the name of a secret, and mask what follows."""
    found = _filter().hidden_settings.search(text)
    return text if found is None else f"{text[: found.end()]}… {substitute()}"


def substitute() -> str:
    """Return what stands for a secret."""
    return _filter().cleansed_substitute


def indented(value: Any, limit: int | None = None) -> str:
    """Return a plain value as JSON with a line for each item; of a long one a little more than ``limit`` characters."""
    pieces, length = [], 0
    for piece in _pieces(value):
        pieces.append(piece)
        length += len(piece)
        if limit is not None and length > limit:
            break
    return "".join(pieces)


def _pieces(value: Any) -> Iterator[str]:
    levels: list[tuple[Iterator[tuple[str, Any]], str]] = [(iter([("", value)]), "")]
    while levels:
        inside, end = levels[-1]
        for before, item in inside:
            if not (isinstance(item, dict | list) and item):
                yield before + _encode(item)
                continue
            opening, closing = "{}" if isinstance(item, dict) else "[]"
            yield before + opening
            levels.append((_inside(item, _line(len(levels))), _line(len(levels) - 1) + closing))
            break
        else:
            levels.pop()
            yield end


def _inside(value: Any, line: str) -> Iterator[tuple[str, Any]]:
    """Yield each item, and what comes before it."""
    comma = ""
    for key in value:
        yield (f"{comma}{line}{_encode(key)}: ", value[key]) if isinstance(value, dict) else (comma + line, key)
        comma = ","


def _line(level: int) -> str:
    return "\n" + "  " * min(level, _INDENTED)


def _filter() -> SafeExceptionReporterFilter:
    """Return what masks settings on Django's error pages, the project's own if it has one."""
    found = get_default_exception_reporter_filter()
    return found if isinstance(found, SafeExceptionReporterFilter) else SafeExceptionReporterFilter()
