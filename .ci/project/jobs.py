"""An import as a stranger writes it: a table is split into batches, each is loaded, and a report tells what failed."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group

from django_tasks_poc import EntityWrapper, Outcome, TaskBuilder, TaskHandlerBase, TaskResponse

BATCH = 100


@dataclass(frozen=True)
class Loaded(TaskResponse):
    rows: int


class Split(TaskHandlerBase):
    def __init__(self, path: str) -> None:
        self.path = path

    def handle(self, context: Any) -> Outcome:
        with open(self.path) as file:
            count = sum(1 for _ in file)
        nested = context.builder.create("Rows", shared={"path": self.path})
        nested.extend(EntityWrapper(Load, {"first": first}) for first in range(0, count, BATCH))
        return self.wait(context.builder.build(nested, context))


class Load(TaskHandlerBase):
    atomic = True

    def __init__(self, first: int) -> None:
        self.first = first

    def handle(self, context: Any) -> Outcome:
        with open(context.shared["path"]) as file:
            rows = list(csv.reader(file))[self.first : self.first + BATCH]
        for name, amount in rows:
            Group.objects.create(name=f"{name} {int(amount)}")
        return self.success("loaded", Loaded(len(rows)))


class Report(TaskHandlerBase):
    def handle(self, context: Any) -> Outcome:
        results = context.previous.response
        rows = sum(batch.rows for batch in results.success)
        return self.success(f"{rows} rows, {len(results.failure)} batch failed: {results.failure[0].error.message}")


def start(path: str) -> str:
    builder = TaskBuilder()
    task = builder.build(builder.create("Import", EntityWrapper(Split, {"path": path}), EntityWrapper(Report)))
    return str(task.uuid)
