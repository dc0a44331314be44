"""How long a step of a task takes whose stages run one after another."""

from __future__ import annotations

from django.db.models import Max, Min

from django_tasks_poc import EntityWrapper, TaskBuilder

from . import managers, trees
from .handlers import Next
from .report import Figure

STEPS, TIMES = 50, 20
#: Milliseconds that a step must stay below.
BOUND = 4.0


def measure(node: str) -> list[Figure]:
    """Measure with a process that is reused; the safety nets are out of the way."""
    nets = ("--heartbeat", "60", "--keeper-interval", "60")
    with managers.running(node, "--max-stages-per-process", "1000", *nets) as manager:
        samples = [run(manager) for _ in range(TIMES)]
    return [Figure("chain", f"a step of {STEPS}, reused process", node, "ms", samples, p95=True).must_be_below(BOUND)]


def run(manager: managers.Manager) -> float:
    """Run a chain, check it, and return the milliseconds a step, from the first claim to the record of the last.

    By the times that the database stored; a stage is stamped when its transaction begins.
    """
    builder = TaskBuilder(manager.node)
    draft = builder.create("Chain", unique=False)
    draft.extend(EntityWrapper(Next, {"number": number}) for number in range(STEPS))
    task = manager.finish(builder.build(draft), 0.02, STEPS)
    wrong = trees.problems(trees.tasks_of(manager.node).filter(uuid=task.uuid))
    if task.response_value != STEPS:
        wrong.append(f"the last stage answered {task.response_value}, not {STEPS}")
    if wrong:
        raise managers.Failed("; ".join(wrong))
    span = task.stages.aggregate(first=Min("started_at"), last=Max("finished_at"))
    return (span["last"] - span["first"]).total_seconds() * 1000 / STEPS
