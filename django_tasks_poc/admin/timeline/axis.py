"""The time axis that the rows of a timeline share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from ...models import Task
from ...texts import measure, short_amount

#: Pieces that bands and charts of time are made of, whatever the size of the task.
BINS = 120
#: What the axis of an open task may be long, in seconds: it grows in steps, so that the bars do not creep.
_SPANS = (
    30, 60, 120, 180, 300, 600, 900, 1200, 1800, 2700,
    *(hours * 3600 for hours in (1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 36, 48, 72, 96, 120, 168, 240, 336)),
)  # fmt: skip
_TICKS = (
    *(power * digit for power in (0.0001, 0.001, 0.01, 0.1, 1) for digit in (1, 2, 5)),
    10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800,
)  # fmt: skip
#: Ticks that have room, and the part of an open axis that ``now`` never passes.
_MOST_TICKS, _FULL = 6, 0.96


@dataclass(frozen=True)
class Axis:
    """Time from ``start`` on, ``span`` seconds of it; ``now`` is in seconds, None on the axis of an ended task."""

    start: datetime
    span: float
    now: float | None = None

    @classmethod
    def of(cls, task: Task, now: datetime) -> Axis:
        """Return the axis of a task: from its start up to its end, or to the step behind now."""
        start = task.started_at or task.created_at
        if task.finished_at is not None:
            # A task of no time at all still needs an axis to stand on.
            return cls(start, max((task.finished_at - start).total_seconds(), 0.01) / 0.985)
        elapsed = max(0.0, (now - start).total_seconds())
        return cls(start, _open_span(elapsed), elapsed)

    @property
    def width(self) -> float:
        """Seconds of one bin."""
        return self.span / BINS

    @property
    def end(self) -> float:
        """Seconds up to which there is anything to see."""
        return self.span if self.now is None else self.now

    def at(self, moment: datetime) -> float:
        """Return the seconds of a moment, within the axis."""
        return min(max(0.0, (moment - self.start).total_seconds()), self.end)

    def percent(self, seconds: float) -> float:
        """Return where a second lies, in percent of the whole."""
        return min(max(0.0, seconds / self.span), 1.0) * 100

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Yield the seconds and the words of each tick behind the first."""
        tick = next((tick for tick in _TICKS if self.span / tick <= _MOST_TICKS), 86400.0)
        while self.span / tick > _MOST_TICKS:
            tick *= 2
        count = 1
        while (seconds := count * tick) < self.span * 0.97:
            yield seconds, _words(seconds, tick)
            count += 1

    def clock(self, seconds: float) -> str:
        """Return what a clock shows at a second of the axis."""
        moment = self.start + timedelta(seconds=seconds)
        local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
        return f"{local:%H:%M:%S}"


def _open_span(elapsed: float) -> float:
    for span in _SPANS:
        if elapsed <= span * _FULL:
            return float(span)
    span = _SPANS[-1]
    while elapsed > span * _FULL:
        span *= 2
    return float(span)


def _words(seconds: float, tick: float) -> str:
    if tick < 1:
        return measure("ms", short_amount(seconds * 1000))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if tick >= size:
            return measure(unit, short_amount(seconds / size))
    return measure("s", short_amount(seconds))
