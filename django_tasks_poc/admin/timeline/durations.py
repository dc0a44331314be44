"""How long the stages of a task take: a histogram with its median and its 95th percentile, by one query."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count

from ...models import Kind, Task
from ...states import State
from .expressions import rounded, sampled

#: Bars of the histogram; what is longer than they reach stands behind them as one.
BARS = 26
#: Durations are grouped in tenths of a millisecond, to three digits.
_UNIT = 0.0001
_STEPS = ((0.1, 1), (1.0, 10), (10.0, 100), (100.0, 1000), (1000.0, 10_000), (10_000.0, 100_000))
_MOST = 1_000_000


@dataclass(frozen=True)
class Durations:
    """Counts by duration, in steps of ``width`` seconds; ``median`` and ``p95`` are seconds, to three digits."""

    title: str
    total: int
    width: float
    median: float
    p95: float
    succeeded: tuple[int, ...]
    failed: tuple[int, ...]
    #: Stages that took longer than ``limit`` seconds: succeeded and failed.
    longer: tuple[int, int]
    #: Every so many-th stage was looked at.
    nth: int

    @property
    def limit(self) -> float:
        return self.width * len(self.succeeded)


def durations(task: Task, alias: str) -> Durations | None:
    """Return how long the last start of each finished stage of the task took; None while none has finished."""
    stages, nth = sampled([task], alias)
    rows = stages.filter(kind=Kind.STAGE, state__in=[State.SUCCESS, State.ERROR], duration__isnull=False)
    groups = rows.annotate(_took=rounded("duration", _UNIT, _STEPS, _MOST)).values_list("state", "_took")
    found = groups.annotate(Count("uuid"))
    return histogram(task.title, ((state, took * _UNIT, count) for state, took, count in found), nth)


def histogram(title: str, groups: Iterable[tuple[str, float, int]], nth: int = 1) -> Durations | None:
    """Return the histogram of groups of a state, a duration and a count, from every so many-th stage."""
    by_state = {State.SUCCESS: Counter[float](), State.ERROR: Counter[float]()}
    for state, took, count in groups:
        by_state[State(state)][took] += count
    together = sum(by_state.values(), Counter[float]())
    if not (total := together.total()):
        return None
    median, p95, longest = percentile(together, 0.5), percentile(together, 0.95), max(together)
    width = _width(longest if longest < p95 * 1.5 else p95 * 1.4)
    bars = {state: [0] * BARS for state in by_state}
    longer = dict.fromkeys(by_state, 0)
    for state, counter in by_state.items():
        for took, count in counter.items():
            number = int((took + _UNIT / 2) / width)
            if number < BARS:
                bars[state][number] += count
            else:
                longer[state] += count
    return Durations(
        title, total, width, median, p95, tuple(bars[State.SUCCESS]), tuple(bars[State.ERROR]),
        (longer[State.SUCCESS], longer[State.ERROR]), nth,
    )  # fmt: skip


def percentile(counts: Counter[float], part: float) -> float:
    """Return the least value that at least this part of all is not above."""
    left = counts.total() * part
    for value in sorted(counts):
        left -= counts[value]
        if left <= 1e-9:
            return value
    return max(counts)


def _width(reach: float) -> float:
    """Return the least of 1, 2, 5, 10 … with which all bars together reach that far."""
    power = 0.0001
    while True:
        for digit in (1, 2, 5):
            if power * digit * BARS > reach:
                return power * digit
        power *= 10
