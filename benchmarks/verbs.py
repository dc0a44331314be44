"""How long the verbs take on a task of many open stages."""

from __future__ import annotations

import time

from django_tasks_poc import VerbResult

from . import trees
from .managers import FULL, REPEAT, Failed
from .report import Figure

STAGES = 1_000_000 if FULL else 100_000
#: Milliseconds that a pause must stay below, whatever the number of stages.
BOUND = 50.0


def measure(node: str) -> list[Figure]:
    """Measure the calls as a view makes them; no manager runs, so that cancel closes no stage meanwhile."""
    task = trees.fan_out(node, STAGES)
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
