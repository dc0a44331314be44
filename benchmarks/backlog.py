"""Whether a claim takes longer when much waits and much has finished."""

from __future__ import annotations

import statistics
import time

from django_tasks_poc.processing import Processing

from . import history, parts, trees
from .databases import UNSERVED
from .managers import FULL, Failed
from .report import Figure

#: Stages of a claim, claims that are measured, and stages that are ready when little is.
CLAIMED, CLAIMS, FEW = 250, 20, 1_000
#: Stages that have finished, and as many that are ready, when much is; of these finished ones so many are a task each.
MANY = 1_000_000 if FULL else 100_000
TASKS = MANY // 10
#: What the claims with much must stay below, of those with little.
BOUND = 1.5


def measure(node: str) -> list[Figure]:
    """Measure the transactions by themselves, without a manager."""
    node, label = node + UNSERVED, node
    processing = parts.enlisted(node)
    few: list[float] = []
    while len(few) < CLAIMS:
        trees.fan_out(node, FEW)
        history.tidy(node)
        few += _claims(processing, FEW // CLAIMED)
    history.roots(node, TASKS)
    history.fan_out(node, MANY - TASKS, MANY)
    history.tidy(node)
    many = _claims(processing, CLAIMS)
    processing.dismiss()
    ratio = statistics.median(many) / statistics.median(few)
    name = f"claim of {CLAIMED}"
    return [
        Figure("backlog", f"{name}, {FEW:,} ready", label, "ms", few),
        Figure("backlog", f"{name}, {MANY:,} finished and {MANY:,} ready", label, "ms", many),
        Figure("backlog", f"{name}: with much, of with little", label, "×", [ratio]).must_be_below(BOUND),
    ]


def _claims(processing: Processing, number: int) -> list[float]:
    """Return the milliseconds that each of so many claims took."""
    samples = []
    for _ in range(number):
        began = time.perf_counter()
        pairs, unreadable = processing.claim(CLAIMED)
        samples.append((time.perf_counter() - began) * 1000)
        if len({claim.stage for claim, _ in pairs}) != CLAIMED or unreadable:
            raise Failed(f"{len(pairs)} stages were claimed, not {CLAIMED}; {len(unreadable)} cannot be read")
    return samples
