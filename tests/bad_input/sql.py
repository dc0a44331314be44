"""Stages that ask the database for what it has not."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.db import connection

from django_tasks_poc import TaskHandlerBase


class Queries(TaskHandlerBase):
    """Writes a row and reads a table."""

    def __init__(self, table: str) -> None:
        self.table = table

    def handle(self, context: Any) -> Any:
        Group.objects.create(name=f"{type(self).__name__} {self.table}")
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {self.table}")
        return self.success("read")


class AtomicQueries(Queries):
    atomic = True


class Tells(TaskHandlerBase):
    """Answers with much."""

    def handle(self, context: Any) -> Any:
        return self.success("told", "x" * 100_000)
