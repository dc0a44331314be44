"""Import an orders table: parse it, load its batches side by side, then add up what was loaded and what was not."""

from __future__ import annotations

import datetime as dt
import logging
from collections import defaultdict
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import OperationalError

from demo_project.models import Order, Report
from demo_project.rejects import open_rejects, rejects_path
from demo_project.rows import Rejected, Row
from demo_project.summary import Cell, FailedBatch, Summary
from demo_project.tables import Batch, TableError, cut, read_batch, read_layout
from django_tasks_poc import (
    EntityFinally,
    EntityWrapper,
    Outcome,
    RetryPolicy,
    TaskBuilder,
    TaskHandlerBase,
    TaskResponse,
    TaskStageContext,
)

if TYPE_CHECKING:
    from django_tasks_poc.models import Task

MAX_BATCH = 2_000  # rows; were all of them rejected, their texts would still fit into one response
PROGRESS_EVERY = 100  # rows

logger = logging.getLogger("demo_project.import_table")


@dataclass(frozen=True)
class Loaded(TaskResponse):
    """What one batch did."""

    rows: int
    rejected: tuple[Rejected, ...]
    totals: tuple[Cell, ...]


@dataclass(frozen=True)
class Imported(TaskResponse):
    """What the whole import did; the rest is in its Report."""

    rows: int
    loaded: int
    rejected: int
    failed_batches: int
    rejects_path: str


def build_import(
    path: Path, batch: int = 500, node: str = "default", *, name: str = "", unique_key: str | None = None, by: str = ""
) -> Task:
    """Build the task that imports the table at ``path``, ``batch`` rows a stage.

    ``name`` is what people call the table, where that is not the name of the file; ``by`` is who imports it. Two
    imports of one ``unique_key`` are the same, and without one those of the same path, name and batch are.
    Raises TableError for a file that is seen at once to be no table, TaskExists while the same import is open.
    """
    path = path.absolute()
    read_layout(path)
    builder = TaskBuilder(node)
    draft = builder.create(
        f"Import of {name or path.name}"[:255],
        EntityWrapper(Parse, {"path": str(path), "batch": batch}),
        EntityWrapper(Finalise, {"path": str(path), "name": name}),
        finally_=EntityWrapper(LogEnd, {"path": str(path)}),
        unique_key=unique_key,
        created_by=by,
    )
    return builder.build(draft)


class Parse(TaskHandlerBase):
    """Find what the batches have in common, cut the file, and fan out one stage a batch."""

    def __init__(self, path: str, batch: int) -> None:
        self.path, self.batch = Path(path), batch

    def handle(self, context: TaskStageContext) -> Outcome:
        try:
            layout = read_layout(self.path)
            batches = []
            for batch in cut(self.path, layout, self.batch):  # to its end before anything is built: any line may refuse
                batches.append(batch)
                context.progress(batch.offset + batch.length, layout.size, "bytes read")
        except TableError as refused:
            return self.error(str(refused))
        shared = {"path": str(self.path), "delimiter": layout.delimiter, "upload": str(context.task)}
        nested = context.builder.create("Rows", shared=shared)
        nested.extend(EntityWrapper(LoadBatch, asdict(batch)) for batch in batches)
        return self.wait(context.builder.build(nested, context))


class LoadBatch(TaskHandlerBase):
    """Load the good rows of one batch and report the others: all in one transaction, so never twice."""

    atomic = True
    retry = RetryPolicy(max_attempts=3, delay=1, backoff=2, on=(OSError, OperationalError))

    def __init__(self, first_line: int, last_line: int, offset: int, length: int, checksum: int) -> None:
        self.batch = Batch(first_line, last_line, offset, length, checksum)

    def handle(self, context: TaskStageContext) -> Outcome:
        upload = UUID(context.shared["upload"])
        orders: list[Order] = []
        rejected: list[Rejected] = []
        total = self.batch.last_line - self.batch.first_line + 1
        try:
            lines = read_batch(Path(context.shared["path"]), self.batch, context.shared["delimiter"])
            for done, (line, found) in enumerate(lines, 1):
                if isinstance(found, Row):
                    orders.append(Order(upload=upload, line=line, total=found.total, **vars(found)))
                else:
                    rejected.append(found)
                if done % PROGRESS_EVERY == 0:
                    context.progress(done, total, "rows checked")
        except TableError as refused:
            return self.error(str(refused))
        Order.objects.bulk_create(orders)
        message = f"{len(orders):,} rows loaded, {len(rejected):,} rejected"
        return self.success(message, Loaded(len(orders), tuple(rejected), totals_of(orders)))


class Finalise(TaskHandlerBase):
    """Add up the batches in one pass: totals per country and day, the rejects file, the Report."""

    def __init__(self, path: str, name: str = "") -> None:
        self.path = Path(path)
        self.name = name or self.path.name

    def handle(self, context: TaskStageContext) -> Outcome:
        assert context.previous is not None  # Finalise follows Parse
        batches = context.previous.response
        rejects = rejects_path(self.path, context.task)
        summary = Summary()
        with open_rejects(rejects) as write:
            for done, loaded in enumerate(batches.success, 1):  # in the order of the lines
                summary.add(loaded.rows, loaded.rejected, loaded.totals)
                write(loaded.rejected)
                context.progress(done, len(batches.success), "batches added up")
        for failure in batches.failure:
            batch = Batch(**failure.params)
            summary.failed.append(FailedBatch(batch.first_line, batch.last_line, failure.message))
        self.report(context.task, summary, len(batches.stages), rejects)
        return self.success(
            summary.message,
            Imported(summary.rows, summary.loaded, summary.rejected, len(summary.failed), str(rejects)),
        )

    def report(self, upload: UUID, summary: Summary, batches: int, rejects: Path) -> None:
        """Store the report; a second run of this stage stores it again, not twice."""
        Report.objects.update_or_create(
            upload=upload,
            defaults={
                "file_name": self.name,
                "rows": summary.rows,
                "loaded": summary.loaded,
                "rejected": summary.rejected,
                "batches": batches,
                "text": summary.text(self.name, batches),
                "rejects_path": str(rejects),
            },
        )


class LogEnd(EntityFinally):
    """Log how an import ended, in whatever way."""

    def __init__(self, path: str) -> None:
        self.path = path

    def handle(self, uuid: UUID, outcome: Outcome) -> None:
        logger.info("Import %s of %s ended %s: %s", uuid, self.path, outcome.state, outcome.message)


def totals_of(orders: list[Order]) -> tuple[Cell, ...]:
    totals: defaultdict[tuple[str, dt.date], Decimal] = defaultdict(Decimal)
    for order in orders:
        totals[order.country, order.day] += order.total
    return tuple(Cell(country, day, total) for (country, day), total in totals.items())
