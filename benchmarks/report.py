"""Figures, the table of them, and the file that keeps them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import platform
import statistics
import subprocess
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import django

from . import databases

_HEAD = ("line", "what", "node", "median", "min", "max", "unit", "of", "")


@dataclass(frozen=True)
class Figure:
    """One thing measured several times."""

    line: str
    what: str
    node: str
    unit: str
    samples: list[float]
    p95: bool = False
    #: The median must be below it, or not below it.
    ceiling: float | None = None
    floor: float | None = None
    #: The 95th percentile must be below it.
    p95_ceiling: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def late(self) -> float:
        """The 95th percentile."""
        return statistics.quantiles(self.samples, n=20)[-1]

    @property
    def is_missed(self) -> bool:
        return (
            (self.ceiling is not None and self.median >= self.ceiling)
            or (self.floor is not None and self.median < self.floor)
            or (self.p95_ceiling is not None and self.late >= self.p95_ceiling)
        )

    def must_be_below(self, ceiling: float, *, p95: float | None = None) -> Figure:
        return dataclasses.replace(self, ceiling=ceiling, p95_ceiling=p95)

    def must_reach(self, floor: float) -> Figure:
        return dataclasses.replace(self, floor=floor)

    def cells(self) -> tuple[str, ...]:
        numbers = (self.median, min(self.samples), max(self.samples))
        return (
            self.line, self.what, self.node, *map(rounded, numbers), self.unit, str(len(self.samples)),
            ", ".join(self._remarks()),
        )  # fmt: skip

    def _remarks(self) -> Iterable[str]:
        if self.p95:
            yield f"p95 {rounded(self.late)}"
        verdict = "MISSES" if self.is_missed else "keeps"
        if self.ceiling is not None:
            yield f"{verdict} < {self.ceiling:g}"
        if self.p95_ceiling is not None:
            yield f"p95 < {self.p95_ceiling:g}"
        if self.floor is not None:
            yield f"{verdict} ≥ {self.floor:,g}"

    def document(self) -> dict[str, object]:
        return {**dataclasses.asdict(self), "median": self.median, "is_missed": self.is_missed}


class Report:
    """All figures of a run."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self._figures: list[Figure] = []
        self._failures: list[str] = []
        self._versions = [databases.version(node) for node in databases.labels()]
        self._at = dt.datetime.now(dt.UTC)
        self._load = os.getloadavg()[0]

    @property
    def is_missed(self) -> bool:
        return bool(self._failures) or any(figure.is_missed for figure in self._figures)

    def add(self, figures: list[Figure], *, aloud: bool = True) -> None:
        self._figures += figures
        if aloud:
            # So that nothing is lost when a later line fails.
            for figure in figures:
                print("  ".join(figure.cells()), flush=True)

    def fail(self, what: str) -> None:
        """Take down that a line went wrong; the others are measured all the same."""
        self._failures.append(f"FAILED: {what}")
        print(self._failures[-1], flush=True)

    def table(self) -> str:
        lines = aligned([_HEAD, *(figure.cells() for figure in self._figures)], numbers=range(3, 6))
        about = ", ".join(f"{name} {value}" for name, value in self._machine().items())
        return "\n".join([about, *self._notes, *self._failures, "", *lines])

    def write(self, prefix: str = "", **more: object) -> Path:
        """Write everything, and what else there is, to a file of its own; return its path."""
        path = databases.RESULTS / f"{prefix}{self._at:%Y%m%d-%H%M%S}.json"
        document = {
            "machine": self._machine(),
            "notes": self._notes,
            "failures": self._failures,
            "figures": [figure.document() for figure in self._figures],
            **more,
        }
        path.write_text(json.dumps(document, indent=1) + "\n")
        return path.relative_to(databases.ROOT)

    def _machine(self) -> dict[str, object]:
        commit = subprocess.run(
            ["git", "describe", "--always", "--dirty"], cwd=databases.ROOT, capture_output=True, text=True, check=False
        ).stdout.strip()
        return {
            "at": f"{self._at:%Y-%m-%d %H:%M} UTC",
            "commit": commit or "unknown",
            "python": platform.python_version(),
            "django": django.get_version(),
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "cores": os.cpu_count(),
            "load before": round(self._load, 2),
            "databases": self._versions,
        }


def aligned(rows: Sequence[tuple[str, ...]], numbers: Container[int]) -> list[str]:
    """Return the lines of a table: a head, a rule, and rows, with the columns of numbers flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "-" * max(map(len, lines)))
    return lines


def rounded(value: float) -> str:
    """Return a figure with three digits or so."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"
