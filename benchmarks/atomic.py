"""How long a manager waits for its database while atomic stages hold it: SQLite has one writer at a time."""

from __future__ import annotations

import os
import tempfile

from django_tasks_poc.node import nodes

from . import inserts, managers, trees
from .databases import NOTES
from .handlers import AtomicInsert
from .report import Figure

#: Stages, and how many may run side by side.
STAGES, SLOTS = 400, 8
#: Milliseconds that no call of the manager may take on SQLite.
BOUND = 100.0


def measure(node: str) -> list[Figure]:
    """Run a fan-out of atomic stages that take 10 ms each and insert a row."""
    with tempfile.NamedTemporaryFile("r") as notes:
        environment = {**os.environ, NOTES: notes.name}
        with managers.running(node, "--queue-size", str(SLOTS), environment=environment) as manager:
            task = manager.finish(trees.fan_out(node, STAGES, AtomicInsert, seconds=0.01), 0.05, STAGES)
        calls = [float(line) * 1000 for line in notes]
    inserts.check(task)
    longest = Figure("atomic", "the longest of them", node, "ms", [max(calls)])
    seconds = (task.finished_at - task.started_at).total_seconds()
    return [
        Figure("atomic", f"{STAGES} stages of 10 ms that insert a row", node, "stages/s", [STAGES / seconds]),
        Figure("atomic", "the manager's calls meanwhile", node, "ms", calls, p95=True),
        # Elsewhere writers wait for rows, not for one another.
        longest.must_be_below(BOUND) if nodes[node].vendor == "sqlite" else longest,
    ]
