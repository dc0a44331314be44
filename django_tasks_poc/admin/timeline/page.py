"""All that the page of a timeline shows, as pieces of SVG and words."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext

from ...models import Task
from .axis import Axis
from .charts import Chart, durations_chart, memory_chart, rate_chart
from .drawing import draw_axis, draw_row
from .durations import durations
from .gantt import gantt
from .memory import memory
from .pauses import zones
from .rate import rate
from .recent import Recent
from .rows import Links, Row

#: Above so many stages a page is kept for so many seconds.
BIG, KEPT = 50_000, 10.0


@dataclass(frozen=True)
class Timeline:
    """What the template shows; ``big`` says that it may be some seconds old."""

    since: str
    axis: SafeString
    rows: tuple[tuple[Row, SafeString], ...]
    charts: tuple[Chart, ...]
    is_big: bool
    kept: int = int(KEPT)


_recent: Recent[Timeline] = Recent(KEPT)


def timeline(task: Task, alias: str, links: Links) -> Timeline:
    """Return the timeline of a task, of a big one as it was a few seconds ago."""
    if (kept := _recent.get(_key(task, alias, links))) is not None:
        return kept
    page = _read(task, alias, links)
    if page.is_big:
        _recent.put(_key(task, alias, links), page)
    return page


def _key(task: Task, alias: str, links: Links) -> tuple[object, ...]:
    """Return all that a page depends on; its own address stands for the admin site that its links lead to."""
    reader = get_language(), timezone.get_current_timezone_name(), links.task(task.uuid)
    return (alias, task.uuid, task.state, task.finished_at, *reader)


def _read(task: Task, alias: str, links: Links) -> Timeline:
    axis = Axis.of(task, timezone.now())
    pauses = zones(task, axis, alias)
    found = gantt(task, axis, alias, links)
    size = sum(one.total_count for one in found.tasks)
    took, sizes = durations(found.busiest, alias), memory(found.tasks, alias)
    charts = (
        rate_chart(rate(found.tallies.values(), axis, size), pauses),
        durations_chart(took) if took is not None else Chart.empty("durations", gettext("How long a stage takes")),
        memory_chart(sizes) if sizes else Chart.empty("memory", gettext("Largest memory of a stage")),
    )
    return Timeline(
        since=gettext("Time since %(clock)s") % {"clock": axis.clock(0.0)},
        axis=draw_axis(axis),
        rows=tuple((row, draw_row(row, axis, pauses)) for row in found.rows),
        charts=charts,
        is_big=size > BIG,
    )
