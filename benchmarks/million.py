"""Whether a run of 1,000,000 stages keeps the rate of a small one, and its manager the memory."""

from __future__ import annotations

import statistics

from django_tasks_poc.node import nodes

from . import fanout, managers
from .report import Figure

FEW, MANY = 10_000, 1_000_000
#: What the larger must reach of the smaller one's rate, and MiB that the manager may need more.
OF_FEW, BOUND = 0.9, 10.0


def measure(node: str) -> list[Figure]:
    """Measure where it is asked for, on the database that so much is meant for."""
    if not managers.FULL or nodes[node].vendor != "postgresql":
        return []
    return beside(node, FEW, MANY)


def beside(node: str, few: int, many: int) -> list[Figure]:
    """Run the smaller several times and then the larger once, with one manager."""
    with managers.running(node, "--max-stages-per-process", "1000") as manager:
        small = [fanout.rate_of(fanout.run(manager, few)) for _ in range(managers.REPEAT)]
        before = manager.peak
        large = fanout.rate_of(fanout.run(manager, many))
        after = manager.peak
    ratio = large / statistics.median(small)
    return [
        Figure("million", f"{few:,}, reused processes", node, "stages/s", small),
        Figure("million", f"{many:,}, reused processes", node, "stages/s", [large]),
        Figure("million", f"{many:,}: of the rate of {few:,}", node, "×", [ratio]).must_reach(OF_FEW),
        Figure("million", f"manager's peak after {few:,}", node, "MiB", [before]),
        Figure("million", f"manager's peak after {many:,}", node, "MiB", [after]),
        Figure("million", "what the larger needs more", node, "MiB", [after - before]).must_be_below(BOUND),
    ]
