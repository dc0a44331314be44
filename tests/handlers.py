"""Handlers for tests, importable by any process; each does one small thing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django_tasks_poc import EntityFinally, Outcome, TaskHandlerBase


class Noop(TaskHandlerBase):
    """Succeeds."""

    def handle(self, context: Any) -> Outcome:
        return self.success()


class Number(TaskHandlerBase):
    """Succeeds with its number."""

    def __init__(self, number: int = 0) -> None:
        self.number = number

    def handle(self, context: Any) -> Outcome:
        return self.success(str(self.number), self.number)


class Goodbye(EntityFinally):
    """A finally that does nothing."""

    def handle(self, uuid: UUID, outcome: Outcome) -> None:
        """Nothing is left to do."""
