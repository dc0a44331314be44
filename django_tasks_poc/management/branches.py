"""The lines of a tree with bars and times, as cells."""

from __future__ import annotations

from collections.abc import Iterator

from ..texts import duration
from ..tree import Branch
from .formats import as_rows, plain

#: Cells of a bar.
_BAR = 12


def cells(branch: Branch) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield name, state, bar, time and words of each line."""
    for name, one in branch.lines():
        took = "" if one.seconds is None else plain(duration(one.seconds))
        yield name, one.state, bar(one.share), took, "  ".join(filter(None, (one.text, one.note)))


def bar(share: float | None) -> str:
    if share is None:
        return ""
    filled = int(share * _BAR)
    return f"{'█' * filled}{'░' * (_BAR - filled)} {share:4.0%}"


def as_text(branch: Branch) -> str:
    return as_rows(list(cells(branch)))
