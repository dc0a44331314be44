"""How long a manager waits for its database while atomic stages hold it: SQLite has one writer at a time."""

from __future__ import annotations

import os
import tempfile

from django_tasks_poc import EntityWrapper, TaskBuilder
from django_tasks_poc.node import nodes

from . import managers
from .databases import NOTES
from .handlers import Insert
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
            builder = TaskBuilder(node)
            draft = builder.create("Inserts", parallel=True, unique=False)
            draft.extend(EntityWrapper(Insert, {"number": number, "seconds": 0.01}) for number in range(STAGES))
            task = manager.finish(builder.build(draft), 0.05)
        calls = [float(line) * 1000 for line in notes]
    if (task.success_count, Insert.count(nodes[node].database)) != (STAGES, STAGES):
        raise managers.Failed(f"{task.message}; {Insert.count(nodes[node].database)} rows of {STAGES}")
    longest = Figure("atomic", "the longest of them", node, "ms", [max(calls)])
    seconds = (task.finished_at - task.started_at).total_seconds()
    return [
        Figure("atomic", f"{STAGES} stages of 10 ms that insert a row", node, "stages/s", [STAGES / seconds]),
        Figure("atomic", "the manager's calls meanwhile", node, "ms", calls, p95=True),
        # Elsewhere writers wait for rows, not for one another.
        longest.must_be_below(BOUND) if nodes[node].vendor == "sqlite" else longest,
    ]
