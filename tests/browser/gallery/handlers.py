"""An import of customers whose batches take a while, fail in every way there is, and wait where a picture is taken."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from django_tasks_poc import (
    EntityFinally,
    EntityWrapper,
    Outcome,
    RetryPolicy,
    TaskHandlerBase,
    TaskStageContext,
)

BATCH = 500  # rows
#: Name of a variable: the file at which some batches wait.
GATE = "GALLERY_GATE"


def gate() -> Path:
    return Path(os.environ[GATE])


class Parse(TaskHandlerBase):
    """Say what the table is like."""

    def __init__(self, path: str) -> None:
        self.path = path

    def handle(self, context: TaskStageContext) -> Outcome:
        time.sleep(0.4)
        return self.success("100,000 rows, delimiter “;”, 14 columns", {"rows": 100_000, "delimiter": ";"})


class LoadAll(TaskHandlerBase):
    """Fan out the batches; those from ``held`` on wait at the gate."""

    def __init__(self, batches: int, held: int | None = None) -> None:
        self.batches, self.held = batches, held

    def handle(self, context: TaskStageContext) -> Outcome:
        nested = context.builder.create("Rows", max_parallel=7, shared={"held": self.held})
        for number in range(1, self.batches + 1):
            first = (number - 1) * BATCH + 1
            kind = GeocodeBatch if number == 38 else LoadBatch
            nested.add_stage(EntityWrapper(kind, {"first": first, "last": first + BATCH - 1}))
        return self.wait(context.builder.build(nested, context))


class LoadBatch(TaskHandlerBase):
    """Load some rows; the 38th batch times out, is killed and fails, the 77th and 101st fail three times."""

    retry = RetryPolicy(max_attempts=3, delay=0.2)

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last

    def handle(self, context: TaskStageContext) -> Outcome:
        number = self.last // BATCH
        if number == 38:
            self.fail_in_every_way(context.attempt)
        if number in (77, 101):
            time.sleep(0.15)
            raise ValueError(f"row {self.first + 111:,}: “31/11/2026” is not a date")
        if number == 144:
            return self.one_by_one(context)
        chance = random.Random(number)
        if chance.random() < 0.04 and context.attempt == 1:
            raise ConnectionError("geocoder.internal: connection reset by peer")
        time.sleep(chance.lognormvariate(-1.6, 0.5))
        held = context.shared["held"]
        while held and number >= held and not gate().exists():
            context.progress(chance.randrange(1, BATCH), BATCH, "rows")
            time.sleep(0.5)
        return self.success(f"{BATCH} rows", {"rows": BATCH})

    def fail_in_every_way(self, attempt: int) -> None:
        if attempt == 1:
            for number in (1, 2, 3):
                print(f"WARNING shop.geo: geocoder.internal: no answer in 10 s, try {number}", file=sys.stderr)
            time.sleep(60)
        if attempt == 2:
            hoard = bytearray(80 * 2**20)
            hoard[::4096] = bytes(len(hoard[::4096]))
            os.kill(os.getpid(), signal.SIGKILL)
        raise IntegrityError(
            'duplicate key value violates unique constraint "shop_customer_email_key"\n'
            "DETAIL: Key (email)=(customer17@example.org) already exists."
        )

    def one_by_one(self, context: TaskStageContext) -> Outcome:
        nested = context.builder.create("Rows one by one")
        nested.extend(EntityWrapper(LoadRow, {"row": self.first + row}) for row in range(0, BATCH, 45))
        return self.wait(context.builder.build(nested, context))


class GeocodeBatch(LoadBatch):
    """Ask another server about the rows, for a second at most."""

    timeout = 1


class LoadRow(TaskHandlerBase):
    """Load one row."""

    def __init__(self, row: int) -> None:
        self.row = row

    def handle(self, context: TaskStageContext) -> Outcome:
        time.sleep(0.05)
        if self.row % 500 == 46:
            return self.error("UnicodeDecodeError: byte 0xe9 at position 14")
        while self.row % 500 > 300 and not gate().exists():
            time.sleep(0.2)
        return self.success("1 row")


class Report(TaskHandlerBase):
    """Say what was loaded."""

    def handle(self, context: TaskStageContext) -> Outcome:
        batches: Any = context.previous.response if context.previous else None
        loaded, failed = len(batches.success) * BATCH, len(batches.failure)
        words = "1 batch" if failed == 1 else f"{failed} batches"
        return self.success(f"{loaded:,} rows loaded, {words} failed", {"rows": loaded})


class Step(TaskHandlerBase):
    """Succeed, or fail with the message."""

    def __init__(self, message: str = "", is_bad: bool = False) -> None:
        self.message, self.is_bad = message, is_bad

    def handle(self, context: TaskStageContext) -> Outcome:
        time.sleep(0.1)
        return self.error(self.message) if self.is_bad else self.success(self.message)


class NotifyOwner(EntityFinally):
    """Write to whoever sent the table."""

    def handle(self, uuid: UUID, outcome: Outcome) -> None:
        time.sleep(0.1)
