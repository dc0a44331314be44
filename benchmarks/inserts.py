"""How fast stages run that insert a row with the ORM: plain, and in the transaction of their outcome."""

from __future__ import annotations

from django_tasks_poc.models import Task

from . import managers, trees
from .handlers import AtomicInsert, Insert
from .report import Figure

#: Stages where each has a process of its own, and where processes are reused.
EACH, REUSED = 2_000, 5_000


def measure(node: str) -> list[Figure]:
    figures = []
    for handler, name in ((Insert, "plain"), (AtomicInsert, "atomic")):
        with managers.running(node) as manager:
            rates = [run(manager, handler, EACH) for _ in range(managers.REPEAT)]
        figures.append(Figure("inserts", f"{EACH:,} {name}, a process each", node, "stages/s", rates))
        with managers.running(node, "--max-stages-per-process", "1000") as manager:
            rates = [run(manager, handler, REUSED) for _ in range(managers.REPEAT)]
        figures.append(Figure("inserts", f"{REUSED:,} {name}, reused processes", node, "stages/s", rates))
    return figures


def run(manager: managers.Manager, handler: type[Insert], stages: int) -> float:
    """Run a fan-out of inserts, check it, and return the stages a second."""
    task = manager.finish(trees.fan_out(manager.node, stages, handler), 0.05, stages)
    check(task)
    return trees.rate(task.stages.all())


def check(task: Task) -> None:
    """Raise Failed unless every stage succeeded, and inserted its row once."""
    wrong = trees.problems(trees.tasks_of(task.node).filter(uuid=task.uuid))
    if (rows := Insert.count(task)) != task.total_count:
        wrong.append(f"{rows} rows of {task.total_count}")
    if wrong:
        raise managers.Failed("; ".join(wrong))
