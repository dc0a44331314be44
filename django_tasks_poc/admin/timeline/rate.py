"""How many stages finished per second over the run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...states import State
from .axis import BINS, Axis
from .tally import Tally

#: From so many stages on, so many bars: each is a whole number of pieces of the axis.
_BARS = ((60, 60), (20, 30), (0, 12))


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
        number = min(int(self.axis.end / self.width), len(self.succeeded)) - 1
        return self.succeeded[number] + self.failed[number] if number >= 0 else 0.0


def rate(tallies: Iterable[Tally], axis: Axis, stages: int) -> Rate:
    """Return the rate of all these tallies together, which are of so many stages."""
    succeeded, failed = [0] * BINS, [0] * BINS
    for tally in tallies:
        for state, counts in tally.ended.items():
            if state != State.CANCELED:
                pieces = failed if state == State.ERROR else succeeded
                for number, count in enumerate(counts):
                    pieces[number] += count
    total = sum(succeeded) + sum(failed)
    pieces_each = BINS // next(bars for least, bars in _BARS if stages >= least)
    width = axis.width * pieces_each

    def bars(pieces: list[int]) -> tuple[float, ...]:
        return tuple(sum(pieces[first : first + pieces_each]) / width for first in range(0, BINS, pieces_each))

    return Rate(axis, width, bars(succeeded), bars(failed), total)
