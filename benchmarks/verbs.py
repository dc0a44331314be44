"""How long the verbs take on a task of many open stages."""

from __future__ import annotations

import time

from django_tasks_poc import EntityWrapper, TaskBuilder, VerbResult

from .handlers import Square
from .managers import REPEAT, Failed
from .report import Figure

STAGES = 100_000
#: Milliseconds that a pause must stay below, whatever the number of stages.
BOUND = 50.0


def measure(node: str) -> list[Figure]:
    """Measure the calls as a view makes them; no manager runs, so that cancel closes no stage meanwhile."""
    builder = TaskBuilder(node)
    draft = builder.create("Squares", parallel=True, unique=False)
    draft.extend(EntityWrapper(Square, {"number": number}) for number in range(STAGES))
    task = builder.build(draft)
    samples: dict[str, list[float]] = {"pause": [], "resume": [], "cancel": []}
    for verb in [*["pause", "resume"] * REPEAT, "cancel"]:
        began = time.perf_counter()
        result: VerbResult = getattr(task, verb)()
        samples[verb].append((time.perf_counter() - began) * 1000)
        if not result:
            raise Failed(f"{verb} did nothing")
    figures = {
        verb: Figure("verbs", f"{verb} of {STAGES:,} stages", node, "ms", times) for verb, times in samples.items()
    }
    return [figures["pause"].must_be_below(BOUND), figures["resume"], figures["cancel"]]
