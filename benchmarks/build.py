"""How fast a large fan-out is built from a generator, and whether its builder's memory grows."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass

from django_tasks_poc import EntityWrapper, TaskBuilder, TaskStageContext
from django_tasks_poc.node import nodes
from django_tasks_poc.states import State

from . import parts, processes, trees
from .databases import ROOT, UNSERVED
from .handlers import Split, Square
from .managers import FULL, REPEAT, Failed
from .report import Figure

#: What a process of its own is made to do; Django must be ready before the models are imported.
_PROGRAM = "import django; django.setup(); from benchmarks import build; build.main()"
#: Stages, and how often they are built.
FEW, MANY, TIMES = (10_000, 1_000_000, 1) if FULL else (10_000, 100_000, REPEAT)

#: Stages a second that must be reached on PostgreSQL.
RATE = 15_000.0
#: MiB that the larger may need more.
BOUND = 10.0


@dataclass(frozen=True)
class Built:
    """What a process that built a fan-out says of it."""

    task: str
    seconds: float
    #: MiB.
    peak: float


def measure(node: str) -> list[Figure]:
    """Build a root, which is one transaction, and a nested task, which goes in pieces."""
    return [figure for kind in ("root", "nested") for figure in _beside(node, kind)]


def _beside(node: str, kind: str) -> list[Figure]:
    rates, growth = [], []
    for _ in range(TIMES):
        small, large = _built(node, FEW, kind), _built(node, MANY, kind)
        rates.append(MANY / large.seconds)
        growth.append(large.peak - small.peak)
    name = f"{MANY:,} stages, {kind}"
    rate = Figure("build", name, node, "stages/s", rates)
    return [
        rate.must_reach(RATE) if nodes[node].vendor == "postgresql" else rate,
        Figure("build", f"{name}: memory more than for {FEW:,}", node, "MiB", growth).must_be_below(BOUND),
    ]


def _built(node: str, stages: int, kind: str) -> Built:
    """Build in a process of its own and check what is there."""
    command = [sys.executable, "-c", _PROGRAM, node + UNSERVED, str(stages), kind]
    built = Built(**json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout))
    tasks = trees.tasks_of(node).filter(uuid=built.task)
    wrong, task = trees.miscounted(tasks), tasks.get()
    # No two of a task have one order.
    ready = task.stages.filter(order__lt=stages, state=State.READY).count()
    if (task.total_count, ready) != (stages, stages):
        wrong.append(f"{task}: {task.total_count} stages, {ready} of {stages} in order and ready")
    if wrong:
        raise Failed("; ".join(wrong))
    return built


def main() -> None:
    """Build one and print what is to be said of it; the arguments are node, stages, and ``root`` or ``nested``."""
    node, stages, kind = sys.argv[1:]
    print(json.dumps(dataclasses.asdict(_build(node, int(stages), kind))))


def _build(node: str, stages: int, kind: str) -> Built:
    builder = TaskBuilder(node)
    context = _waiting(node) if kind == "nested" else None
    draft = builder.create("Large", parallel=True, unique=False)
    draft.extend(EntityWrapper(Square, {"number": number}) for number in range(stages))
    began = time.perf_counter()
    task = builder.build(draft, context)
    return Built(str(task.uuid), time.perf_counter() - began, processes.peak(os.getpid()))


def _waiting(node: str) -> TaskStageContext:
    """Return the context of a stage that is claimed, as its process would have it."""
    builder = TaskBuilder(node)
    parent = builder.build(builder.create("Parent", EntityWrapper(Split, {"children": 0}), unique=False))
    _, request = parts.enlisted(node).claim_one(parent.stages.get().uuid)
    return TaskStageContext(request, None, TaskBuilder)  # type: ignore[arg-type]  # it has nothing to tell
