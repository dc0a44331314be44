"""This package at the same work: two processes, and the same fan-out."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from django.db.models import Min

from django_tasks_poc import EntityWrapper, TaskBuilder, __version__

from .. import databases, fanout, managers
from ..handlers import Square
from . import work
from .trial import Measured


@dataclass(frozen=True)
class Ours:
    """One way to run this package, on one database."""

    node: str
    isolation: str
    arguments: tuple[str, ...] = ()
    durable: str = "yes"
    note: str = ""

    @property
    def name(self) -> str:
        return "ours, reused processes" if self.arguments else "ours, a process each"

    @property
    def results(self) -> str:
        return {"postgresql": "PostgreSQL", "sqlite": "SQLite"}[self.node]

    @property
    def version(self) -> str:
        return __version__

    def run(self, children: int, samples: int) -> Measured:
        """Run it once, on tables that are empty, with a manager of its own."""
        databases.renew(self.node)
        with managers.running(self.node, "--queue-size", "2", *self.arguments) as manager:
            latencies = [self._latency(manager) for _ in range(samples)]
            nested = fanout.run(manager, children)
        first = nested.stages.aggregate(first=Min("started_at"))["first"]
        # The last stage of the root is what finishes the children; the root ends with it.
        return Measured(children / (nested.parent_stage.task.finished_at - first).total_seconds(), latencies)

    @staticmethod
    def _latency(manager: managers.Manager) -> float:
        time.sleep(random.uniform(0.1, 0.3))
        builder = TaskBuilder(manager.node)
        task = builder.build(builder.create("One", EntityWrapper(Square, {"number": 1}), unique=False))
        began = time.perf_counter()
        manager.finish(task, work.LOOK_EVERY)
        return (time.perf_counter() - began) * 1000


def ways() -> list[Ours]:
    """Return both ways to run it, on every database that is there."""
    return [
        Ours(node, isolation, arguments)
        for node in databases.labels()
        for isolation, arguments in (("process", ()), ("process, reused", ("--max-stages-per-process", "1000")))
    ]
