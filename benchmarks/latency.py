"""How long a trivial task takes on an idle system."""

from __future__ import annotations

import random
import time

from django_tasks_poc import EntityWrapper, TaskBuilder
from django_tasks_poc.node import nodes

from . import managers
from .handlers import Square
from .report import Figure

SAMPLES = 50
#: Milliseconds that the median and the 95th percentile must stay below, by the kind of database.
BOUNDS = {"postgresql": (20.0, 50.0), "sqlite": (40.0, 80.0)}
#: Seconds between two looks at the row. A look is a query on a connection of this process.
_LOOK_EVERY = 0.0005


def measure(node: str) -> list[Figure]:
    """Measure from the return of build() until the task is seen ended; the safety nets are out of the way."""
    builder = TaskBuilder(node)
    samples = []
    with managers.running(node, "--heartbeat", "60", "--keeper-interval", "60") as manager:
        for _ in range(SAMPLES):
            # Long enough to be idle again, and never in step with a watch of the manager's.
            time.sleep(random.uniform(0.2, 0.4))
            task = builder.build(builder.create("One", EntityWrapper(Square, {"number": 1}), unique=False))
            began = time.perf_counter()
            manager.finish(task, _LOOK_EVERY)
            samples.append((time.perf_counter() - began) * 1000)
    median, p95 = BOUNDS[nodes[node].vendor]
    return [Figure("latency", "build() to seen ended", node, "ms", samples, p95=True).must_be_below(median, p95=p95)]
