"""Add up what the batches of an import report, one at a time, into a text that is the same on every database."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from decimal import Decimal

from .rows import Rejected


@dataclass(frozen=True)
class Cell:
    """The total of one country on one day."""

    country: str
    day: dt.date
    total: Decimal


@dataclass(frozen=True)
class FailedBatch:
    """A batch of which nothing was loaded, and why."""

    first_line: int
    last_line: int
    message: str


@dataclass
class Summary:
    """The sums of all batches added so far."""

    loaded: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    totals: defaultdict[tuple[str, dt.date], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    failed: list[FailedBatch] = field(default_factory=list)

    def add(self, loaded: int, rejected: Iterable[Rejected], totals: Iterable[Cell]) -> None:
        self.loaded += loaded
        self.reasons.update(row.reason for row in rejected)
        for cell in totals:
            self.totals[cell.country, cell.day] += cell.total

    @property
    def rejected(self) -> int:
        return self.reasons.total()

    @property
    def not_tried(self) -> int:
        """Return the number of rows in failed batches."""
        return sum(batch.last_line - batch.first_line + 1 for batch in self.failed)

    @property
    def rows(self) -> int:
        return self.loaded + self.rejected + self.not_tried

    def text(self, file_name: str, batches: int) -> str:
        """Return the report: sorted, without a time, a path or a uuid."""
        totals: dict[str, dict[str, str]] = {}
        for (country, day), total in sorted(self.totals.items()):
            totals.setdefault(country, {})[day.isoformat()] = str(total)
        report = {
            "file": file_name,
            "rows": self.rows,
            "loaded": self.loaded,
            "rejected": dict(sorted(self.reasons.items())),
            "batches": batches,
            "failed_batches": [asdict(batch) for batch in self.failed],
            "total": str(sum(self.totals.values(), Decimal("0.00"))),
            "totals": totals,
        }
        return json.dumps(report, indent=1, ensure_ascii=False) + "\n"

    @property
    def message(self) -> str:
        text = f"{self.loaded:,} rows loaded, {self.rejected:,} rejected"
        return f"{text}, {self.not_tried:,} in {len(self.failed)} failed batches not loaded" if self.failed else text
