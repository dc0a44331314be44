"""The largest memory of stages by handler: median, 95th percentile and peak, by one query."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Max, Min

from ...models import Task, TaskStage
from .durations import percentile
from .expressions import rounded

#: Handlers that are shown, those with the largest peaks.
HANDLERS = 6
#: KiB are grouped in MiB: in steps of 1 below 256, of 8 below 2048, of 64 above.
_MIB = 1024
_STEPS = ((256.0 * _MIB, 1), (2048.0 * _MIB, 8))
_MOST = 64


@dataclass(frozen=True)
class Memory:
    """Peaks of memory of the last starts of one handler's stages, in bytes; ``order`` is of the largest one."""

    handler: str
    count: int
    least: float
    median: float
    p95: float
    peak: float
    order: int


def memory(tasks: Iterable[Task], alias: str) -> list[Memory]:
    """Return a line for each of the handlers of these tasks, by name."""
    rows = TaskStage.objects.using(alias).order_by().filter(task__in=[task.uuid for task in tasks])
    groups: Any = rows.filter(max_rss__isnull=False).annotate(_size=rounded("max_rss", _MIB, _STEPS, _MOST))
    found: dict[str, list[Any]] = {}
    for row in groups.values_list("handler", "_size").annotate(
        count=Count("uuid"), least=Min("max_rss"), peak=Max("max_rss"), first=Min(F("order"))
    ):
        found.setdefault(row[0], []).append(row[1:])
    lines = sorted((_line(handler, sizes) for handler, sizes in found.items()), key=lambda line: -line.peak)
    return sorted(lines[:HANDLERS], key=lambda line: line.handler)


def _line(handler: str, groups: list[Any]) -> Memory:
    counts = Counter({size * _MIB * 1024.0: count for size, count, *_ in groups})
    _, _, _, peak, order = max(groups)
    least = min(group[2] for group in groups) * 1024.0
    median, p95 = (min(max(percentile(counts, part), least), peak * 1024.0) for part in (0.5, 0.95))
    return Memory(handler.rpartition(".")[2], counts.total(), least, median, p95, peak * 1024.0, order)
