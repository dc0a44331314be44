"""How many stages finished per second over the run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...states import State
from .axis import BINS, Axis
from .tally import Tally

#: Bars of the chart, each of two pieces of the axis.
BARS = BINS // 2


@dataclass(frozen=True)
class Rate:
    """Stages per second in each step of ``width`` seconds: succeeded (or skipped) and failed."""

    axis: Axis
    width: float
    succeeded: tuple[float, ...]
    failed: tuple[float, ...]
    total: int

    @property
    def mean(self) -> float:
        """Stages per second since the start."""
        return self.total / max(self.axis.end, 0.001)

    @property
    def latest(self) -> float:
        """Stages per second in the last step that is over."""
        number = min(int(self.axis.end / self.width), BARS) - 1
        return self.succeeded[number] + self.failed[number] if number >= 0 else 0.0


def rate(tallies: Iterable[Tally], axis: Axis) -> Rate:
    """Return the rate of all these tallies together."""
    width = axis.width * BINS / BARS
    succeeded, failed = [0] * BARS, [0] * BARS
    for tally in tallies:
        for state, counts in tally.ended.items():
            if state == State.CANCELED:
                continue
            bars = failed if state == State.ERROR else succeeded
            for number, count in enumerate(counts):
                bars[number * BARS // BINS] += count
    return Rate(
        axis, width, tuple(count / width for count in succeeded), tuple(count / width for count in failed),
        sum(succeeded) + sum(failed),
    )  # fmt: skip
