"""What came of an import, out of its Report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from .models import Report

TOP = 5  # countries, and failed batches, that are worth a page


@dataclass(frozen=True)
class Share:
    """A country and the total of its orders."""

    country: str
    total: Decimal


@dataclass(frozen=True)
class Result:
    """The numbers of a finished import; ``failed`` are the first of its ``failed_count`` batches that failed."""

    report: Report
    reasons: dict[str, int]
    top: list[Share]
    countries: int
    total: Decimal
    failed: list[dict[str, object]]
    failed_count: int
    not_loaded: int


def result_of(upload: UUID) -> Result | None:
    """Return the result of an import, or None when it has none (yet)."""
    report = Report.objects.filter(upload=upload).first()
    if report is None:
        return None
    said = json.loads(report.text)
    shares = [Share(country, sum(map(Decimal, days.values()), Decimal())) for country, days in said["totals"].items()]
    return Result(
        report=report,
        reasons=dict(sorted(said["rejected"].items(), key=lambda item: -item[1])),
        top=sorted(shares, key=lambda share: -share.total)[:TOP],
        countries=len(shares),
        total=Decimal(said["total"]),
        failed=said["failed_batches"][:TOP],
        failed_count=len(said["failed_batches"]),
        not_loaded=report.rows - report.loaded - report.rejected,
    )


def rejects_name(report: Report) -> str:
    """Return what to call the file of rejected rows on the machine of who fetches it."""
    return f"{Path(report.file_name).stem}.rejects.csv"
