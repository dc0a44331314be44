"""A stage for each response, and each text, that cannot be kept as it is."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django_tasks_poc import TaskHandlerBase, TaskResponse
from django_tasks_poc.models import TaskStage

#: Bytes of JSON that a response may have.
LIMIT = 1 << 20


@dataclass(frozen=True)
class Counted(TaskResponse):
    rows: int
    day: dt.date | None = None


@dataclass(frozen=True)
class Underived:
    rows: int


class Plain(TaskResponse):
    """No dataclass."""


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


def circle() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


def local() -> Any:
    @dataclass
    class Local(TaskResponse):
        rows: int

    return Local(1)


class Grumpy(dt.tzinfo):
    """A time zone that raises when somebody asks it."""

    def utcoffset(self, moment: Any) -> Any:
        raise KeyError("not today")


VALUES: dict[str, Callable[[], Any]] = {
    "at the limit": lambda: "x" * (LIMIT - 2),
    "at the limit, two bytes each": lambda: "é" * (LIMIT // 2 - 1),
    "set": lambda: {7},
    "number keys": lambda: {1: "one"},
    "500 levels": lambda: nested(500),
    "large number": lambda: 2**70,
    "Decimal that is no number": lambda: [Decimal("NaN")],
    "one byte over": lambda: "x" * (LIMIT - 1),
    "one byte over, two bytes each": lambda: "é" * (LIMIT // 2 - 1) + "x",
    "object": object,
    "lambda": lambda: lambda: 0,
    "class": lambda: Counted,
    "exception": lambda: ValueError("returned, not raised"),
    "circle": circle,
    "tuple keys": lambda: {"ok": {(1, 2): 3}},
    "None key": lambda: {None: 3},
    "501 levels": lambda: nested(501),
    "100,000 levels": lambda: nested(100_000),
    "NaN": lambda: {"mean": float("nan")},
    "infinity": lambda: [1.5, float("-inf")],
    "NUL": lambda: "a\0b",
    "NUL in a key": lambda: {"a\0b": 1},
    "half a pair": lambda: ["a\ud800b"],
    "half a pair in a key": lambda: {"\udfff": 1},
    "underived dataclass": lambda: Underived(3),
    "no dataclass": Plain,
    "local dataclass": local,
    "wrong field": lambda: Counted("three"),  # type: ignore[arg-type]
    "grumpy": lambda: [dt.datetime(2026, 2, 28, tzinfo=Grumpy())],
}


class Responds(TaskHandlerBase):
    def __init__(self, what: str) -> None:
        self.what = what

    def handle(self, context: Any) -> Any:
        return self.success("here it is", VALUES[self.what]())


class RefusesWith(Responds):
    """Answers an error, whose own message must not be lost for what else is wrong."""

    def handle(self, context: Any) -> Any:
        return self.error("the bank refused", VALUES[self.what]())


class ChangesTo(Responds):
    """Has its exception changed to an error with this response."""

    def handle(self, context: Any) -> Any:
        raise LookupError("no such account")

    def handle_error(self, context: Any, error: Any) -> Any:
        return self.error("the bank refused", VALUES[self.what]())


#: Text that no database takes whole, and what it becomes.
POISON, CLEANED = "nul \0 and half a pair \ud800", "nul ␀ and half a pair ?"


class Says(TaskHandlerBase):
    """Puts a text where texts go."""

    def __init__(self, where: str, text: str = "poison") -> None:
        self.where = where
        self.text = POISON if text == "poison" else "x" * 10_000_000

    def handle(self, context: Any) -> Any:
        match self.where:
            case "message":
                return self.success(self.text, os.getpid())
            case "error":
                return self.error(self.text)
            case "skip":
                return self.skip(self.text)
            case "exception":
                raise ValueError(self.text)
            case "progress":
                return self.success("told", self._told(context))
        raise AssertionError(self.where)

    def _told(self, context: Any) -> str:
        """Tell how far it is until that is on the row, and return what is there."""
        row = TaskStage.objects.filter(uuid=context.stage)
        while not (progress := row.values_list("progress", flat=True).get()):
            context.progress(1, 2, self.text)
            time.sleep(0.01)
        return progress
