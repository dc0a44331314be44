"""The largest memory of stages by handler: median, 95th percentile and peak, by one query."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Max, Min

from ...models import Task
from .durations import percentile
from .expressions import sampled

#: Handlers that are shown, those with the largest peaks.
HANDLERS = 6
#: Bits of the KiB that are stored in the MiB by which they are grouped.
_MIB = 10


@dataclass(frozen=True)
class Memory:
    """Memory of the last starts of one handler's stages: bytes, in whole MiB; ``order`` is that of the peak."""

    handler: str
    count: int
    least: float
    median: float
    p95: float
    peak: float
    order: int
    #: Every so many-th stage of a very large task was looked at.
    nth: int


def memory(tasks: Iterable[Task], alias: str) -> list[Memory]:
    """Return a line for each of the handlers of these tasks, by name."""
    rows, nth = sampled(tasks, alias)
    groups: Any = rows.filter(max_rss__isnull=False).annotate(_size=F("max_rss").bitrightshift(_MIB))
    found: dict[str, list[Any]] = {}
    for row in groups.values_list("handler", "_size").annotate(
        count=Count("uuid"), peak=Max("max_rss"), first=Min(F("order"))
    ):
        found.setdefault(row[0], []).append(row[1:])
    lines = sorted((_line(handler, sizes, nth) for handler, sizes in found.items()), key=lambda line: -line.peak)
    return sorted(lines[:HANDLERS], key=lambda line: line.handler)


def _line(handler: str, groups: list[Any], nth: int) -> Memory:
    counts = Counter({float(size << _MIB) * 1024: count for size, count, *_ in groups})
    _, _, peak, order = max(groups)
    return Memory(
        handler.rpartition(".")[2], counts.total(), min(counts), percentile(counts, 0.5), percentile(counts, 0.95),
        peak * 1024.0, order, nth,
    )  # fmt: skip
