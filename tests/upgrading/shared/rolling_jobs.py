"""Stages that both versions run; the folder is on the path of both. Each notes which version's code ran it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django_tasks_poc
from django_tasks_poc import EntityFinally, EntityWrapper, TaskHandlerBase
from tests.process.witness import VARIABLE, note, notes

#: The version that runs this, and, by the environment, the new one.
ROOT = str(Path(django_tasks_poc.__file__).parent.parent)
NEW = "TESTS_NEW_VERSION"


def noted(name: str, **facts: Any) -> None:
    note(name, root=ROOT, **facts)


def rows_by(version: str) -> int:
    """Return how many rows that version's code has worked on."""
    return sum(line["root"] == version for line in notes("row"))


def handed_over() -> Path:
    """Return the file that says that the old version has stopped."""
    return Path(os.environ[VARIABLE]).with_name("handed over")


class Split(TaskHandlerBase):
    """Builds a nested task: rows written by the version that runs it."""

    def __init__(self, batch: int, rows: int) -> None:
        self.batch, self.rows = batch, rows

    def handle(self, context: Any) -> Any:
        noted("split", batch=self.batch)
        nested = context.builder.create("rows", finally_=EntityWrapper(Told, {"batch": self.batch}))
        nested.extend(EntityWrapper(Row, {"number": self.batch * self.rows + row}) for row in range(self.rows))
        return self.wait(context.builder.build(nested, context))


class Row(TaskHandlerBase):
    """Sees to it that both versions work side by side, and that work is left when the old one stops."""

    def __init__(self, number: int) -> None:
        self.number = number

    def handle(self, context: Any) -> Any:
        noted("row", number=self.number)
        new = os.environ[NEW]
        if new != ROOT:
            until(lambda: rows_by(new) > 0)
        elif rows_by(new) > 10:
            until(handed_over().exists)
        return self.success(f"row {self.number}", self.number)


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.01)


class Sum(TaskHandlerBase):
    """Reads what the other version may have written."""

    def handle(self, context: Any) -> Any:
        noted("sum")
        return self.success("added up", sum(context.previous.response.success))


class Told(EntityFinally):
    def __init__(self, batch: int) -> None:
        self.batch = batch

    def handle(self, uuid: Any, outcome: Any) -> None:
        noted("told", batch=self.batch)
