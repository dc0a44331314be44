"""Handlers of the tasks that the browser looks at: each waits for a file, so that a test holds the clock."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django_tasks_poc import EntityWrapper, Outcome, TaskHandlerBase, TaskStageContext


class Gate(TaskHandlerBase):
    """Succeed once the file is there."""

    def __init__(self, path: str, message: str = "let through") -> None:
        self.path, self.message = Path(path), message

    def handle(self, context: TaskStageContext) -> Outcome:
        while not self.path.exists():
            time.sleep(0.02)
        return self.success(self.message)


class Trip(TaskHandlerBase):
    """Fail as long as the file is not there."""

    def __init__(self, path: str, row: int = 0) -> None:
        self.path, self.row = Path(path), row

    def handle(self, context: TaskStageContext) -> Outcome:
        if not self.path.exists():
            raise ValueError(f"row {self.row:,}: “31/11/2026” is not a date")
        return self.success("mended")


class Batches(TaskHandlerBase):
    """Fan out stages: ``good`` ones pass, ``bad`` ones fail until ``mended`` is there, ``held`` ones wait."""

    def __init__(self, good: int = 0, bad: int = 0, held: int = 0, gate: str = "", mended: str = "") -> None:
        self.good, self.bad, self.held, self.gate, self.mended = good, bad, held, gate, mended

    def handle(self, context: TaskStageContext) -> Outcome:
        nested = context.builder.create("Rows")
        nested.extend(EntityWrapper(Row, {"number": number}) for number in range(self.good))
        nested.extend(EntityWrapper(Trip, {"path": self.mended, "row": 38_112 + row}) for row in range(self.bad))
        nested.extend(EntityWrapper(Gate, {"path": self.gate}) for _ in range(self.held))
        return self.wait(context.builder.build(nested, context))


class Row(TaskHandlerBase):
    """Succeed with a response."""

    def __init__(self, number: int) -> None:
        self.number = number

    def handle(self, context: TaskStageContext) -> Outcome:
        return self.success(f"row {self.number:,}", {"number": self.number})


class Report(TaskHandlerBase):
    """Say how many of the stages before succeeded."""

    def handle(self, context: TaskStageContext) -> Outcome:
        found: Any = context.previous.response if context.previous else None
        return self.success(f"{len(found.success)} loaded, {len(found.failure)} failed")
