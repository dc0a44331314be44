"""Where a handler is written, or why it cannot be found."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import lru_cache

from ...entities import EntityFinally, EntityHandler
from ...exceptions import InvalidHandler
from ...serialization import import_class
from ...texts import one_line
from .tracebacks import relative


@dataclass(frozen=True)
class Source:
    """The path of a handler's class, its place as ``file:line``, or what is wrong with it."""

    path: str
    place: str = ""
    problem: str = ""


def source_of(handler: str, *, is_finally: bool = False) -> Source:
    """Find the class as a stage process would; only a handler is ever looked at."""
    base = EntityFinally if is_finally else EntityHandler
    path = one_line(handler, 255)
    try:
        return Source(path, _place(import_class(handler, base)))
    except InvalidHandler as error:
        return Source(path, problem=one_line(str(error), 400))


@lru_cache(maxsize=1024)
def _place(cls: type) -> str:
    """Return the file, from the folder on which Python found it, and the line; empty where there is no source."""
    try:
        file, (_lines, line) = inspect.getsourcefile(cls), inspect.getsourcelines(cls)
    except (OSError, TypeError):
        return ""
    return f"{relative(file)}:{line}" if file else ""
