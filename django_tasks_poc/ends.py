"""How many stages ended lately: counted by each manager, kept in its row, summed by the page of managers and nodes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Self

import msgspec

#: Seconds that one count is of, and counts that are kept: five minutes.
BIN, BINS = 10, 30

_TEXT = msgspec.json.Decoder(tuple[int, list[int], list[int]])


@dataclass(frozen=True)
class Ended:
    """Stages that ended in the last five minutes, and those of them that failed; in bins of 10 s, the oldest first."""

    ended: tuple[int, ...] = (0,) * BINS
    failed: tuple[int, ...] = (0,) * BINS

    @classmethod
    def read(cls, text: str, now: float) -> Self:
        """Return what a manager has kept, as of ``now`` in seconds since 1970; what cannot be read counts nothing."""
        try:
            first, *counts = _TEXT.decode(text)
        except msgspec.MsgspecError:  # a manager that has not beaten yet, or of an older version
            return cls()
        start = int(now) // BIN - BINS + 1
        lines = []
        for line in counts:
            at = {first + index: count for index, count in enumerate(line)}
            lines.append(tuple(at.get(start + index, 0) for index in range(BINS)))
        return cls(*lines)

    def __add__(self, other: Ended) -> Ended:
        return Ended(
            tuple(map(sum, zip(self.ended, other.ended, strict=True))),
            tuple(map(sum, zip(self.failed, other.failed, strict=True))),
        )


class Ends:
    """Counts the stages that end."""

    def __init__(self) -> None:
        #: Number of the bin since 1970, how many ended in it, how many of them failed.
        self._bins: deque[list[int]] = deque(maxlen=BINS)

    def add(self, now: float, *, is_failed: bool) -> None:
        number = int(now) // BIN
        if not self._bins or self._bins[-1][0] < number:
            self._bins.append([number, 0, 0])
        self._bins[-1][1] += 1
        self._bins[-1][2] += is_failed

    def text(self, now: float) -> str:
        """Return the last five minutes as JSON text: the number of the first bin, and the counts."""
        start = int(now) // BIN - BINS + 1
        found = {number: (ended, failed) for number, ended, failed in self._bins}
        pairs = [found.get(start + index, (0, 0)) for index in range(BINS)]
        return msgspec.json.encode([start, *map(list, zip(*pairs, strict=True))]).decode()
