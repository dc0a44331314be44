"""How fast many tasks of one stage run, beside as many stages of one task."""

from __future__ import annotations

from uuid import uuid4

from django.db import transaction

from django_tasks_poc import EntityWrapper, TaskBuilder
from django_tasks_poc.node import nodes

from . import fanout, managers, trees
from .handlers import Square
from .report import Figure

ROOTS = 10_000
#: What must be reached of the fan-out's rate.
OF_FANOUT = 0.5


def measure(node: str) -> list[Figure]:
    with managers.running(node) as manager:
        rates, fanouts, ratios = fanout.beside(
            lambda: run(manager, ROOTS), lambda: fanout.rate_of(fanout.run(manager, ROOTS))
        )
    name = f"{ROOTS:,} tasks of one stage"
    return [
        Figure("roots", f"{name}, a process each", node, "stages/s", rates),
        Figure("roots", f"limit: a fan-out of {ROOTS:,}", node, "stages/s", fanouts),
        Figure("roots", f"{name}: of a fan-out", node, "×", ratios).must_reach(OF_FANOUT),
    ]


def run(manager: managers.Manager, number: int) -> float:
    """Run so many tasks that are committed together, check them, and return the stages a second."""
    title = f"Root of {uuid4()}"
    _build(manager.node, title, number)
    active = trees.tasks_of(manager.node).filter(node=manager.node, active=True)
    manager.wait(lambda: not active.exists(), f"One of {number:,} tasks", 0.2, number)
    tasks = trees.tasks_of(manager.node).filter(title=title)
    wrong = trees.problems(tasks)
    if tasks.count() != number:
        wrong.append(f"there are {tasks.count()} tasks, not {number}")
    answers = sorted(map(int, trees.stages_of(tasks).values_list("response", flat=True)))
    if answers != [n**2 for n in range(number)]:
        wrong.append(f"the {len(answers)} answers are not the squares")
    if wrong:
        raise managers.Failed("; ".join(wrong))
    return trees.rate(trees.stages_of(tasks))


def _build(node: str, title: str, number: int) -> None:
    builder = TaskBuilder(node)
    with transaction.atomic(using=nodes[node].database):
        for n in range(number):
            builder.build(builder.create(title, EntityWrapper(Square, {"number": n}), unique=False))
