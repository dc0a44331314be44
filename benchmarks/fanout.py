"""How fast a fan-out of trivial stages runs, beside the limits of this machine."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from itertools import pairwise

from django_tasks_poc import EntityWrapper, TaskBuilder
from django_tasks_poc.models import Task
from django_tasks_poc.node import nodes

from . import limits, managers, parts, trees
from .handlers import Split, Sum
from .report import Figure

#: Children where each has a process of its own, where processes are reused, and where each starts cold.
EACH, REUSED, COLD = 10_000, 10_000, 100
#: What must be reached: of the forks a second, of the parts one after another, of the cold starts a second.
_OF_FORK, _OF_PARTS, _OF_START = 0.65, 0.60, 0.85
#: Stages a second with reused processes, by the kind of database.
_RATE = {"sqlite": 6_000.0, "postgresql": 4_000.0}

Beside = tuple[list[float], list[float], list[float]]


def measure(node: str) -> list[Figure]:
    figures = [*each(node), *reused(node)]
    return figures if nodes[node].vendor != "sqlite" else [*figures, *cold(node)]


def each(node: str) -> list[Figure]:
    """A process a stage, beside the fastest that this machine can fork."""
    with managers.running(node) as manager:
        measured = beside(lambda: rate_of(run(manager, EACH)), limits.fork)
    return _beside_starts(node, f"{EACH:,}, a process each", "fork", measured, _OF_FORK)


def reused(node: str) -> list[Figure]:
    """Processes that take many stages, beside what the rows and the processes could do by themselves."""
    rows, pipes = [], []

    def parts_together() -> float:
        rows.append(parts.rows(node))
        pipes.append(parts.pipe(node, 1000))
        return parts.combined([rows[-1], pipes[-1]])

    with managers.running(node, "--max-stages-per-process", "1000") as manager:
        rates, _, ratios = beside(lambda: rate_of(run(manager, REUSED)), parts_together)
    name = f"{REUSED:,}, reused processes"
    return [
        Figure("fanout", name, node, "stages/s", rates).must_reach(_RATE[nodes[node].vendor]),
        Figure("fanout", "limit: rows", node, "stages/s", rows),
        Figure("fanout", "limit: pipe", node, "stages/s", pipes),
        Figure("fanout", f"{name}: of both in turn", node, "×", ratios).must_reach(_OF_PARTS),
    ]


def cold(node: str) -> list[Figure]:
    """A cold process a stage, beside cold starts of manage.py."""
    with managers.running(node, "--executor", "subprocess") as manager:
        measured = beside(lambda: rate_of(run(manager, COLD)), limits.start)
    return _beside_starts(node, f"{COLD:,}, a cold process each", "start", measured, _OF_START)


def _beside_starts(node: str, name: str, limit: str, measured: Beside, floor: float) -> list[Figure]:
    rates, limits, ratios = measured
    return [
        Figure("fanout", name, node, "stages/s", rates),
        Figure("fanout", f"limit: {limit}", node, f"{limit}s/s", limits),
        Figure("fanout", f"{name}: of {limit}", node, "×", ratios).must_reach(floor),
    ]


def beside(work: Callable[[], float], limit: Callable[[], float]) -> Beside:
    """Measure work in turn with a limit; return both, and each work over the limits before and after it."""
    done, limits = [], [limit()]
    for _ in range(managers.REPEAT):
        done.append(work())
        limits.append(limit())
    return done, limits, [rate / statistics.mean(pair) for rate, pair in zip(done, pairwise(limits), strict=True)]


def run(manager: managers.Manager, children: int) -> Task:
    """Run a fan-out to its end, check it, and return the nested task."""
    builder = TaskBuilder(manager.node)
    draft = builder.create(
        "Sum of squares", EntityWrapper(Split, {"children": children}), EntityWrapper(Sum), unique=False
    )
    root = manager.finish(builder.build(draft), 0.05, children)
    nested = trees.tasks_of(manager.node).get(parent_stage__task=root)
    if wrong := problems(root, nested, children):
        raise managers.Failed("; ".join(wrong))
    return nested


def rate_of(nested: Task) -> float:
    """Return the children a second."""
    return trees.rate(nested.stages.all())


def problems(root: Task, nested: Task, children: int) -> list[str]:
    """Return what is wrong with a fan-out that ended."""
    wrong = trees.problems(trees.tasks_of(root.node).filter(uuid__in=[root.uuid, nested.uuid]))
    expected = sum(number**2 for number in range(children))
    if root.response_value != expected:
        wrong.append(f"the sum is {root.response_value}, not {expected}")
    if nested.total_count != children:
        wrong.append(f"there are {nested.total_count} children, not {children}")
    return wrong
