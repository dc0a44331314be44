"""How long after its last child a parent goes on."""

from __future__ import annotations

from django.db.models import Max

from django_tasks_poc.models import TaskStage

from . import fanout, managers
from .report import Figure

CHILDREN, TIMES = 100, 20
#: Milliseconds that the median must stay below.
BOUND = 20.0


def measure(node: str) -> list[Figure]:
    """Measure with the safety nets out of the way."""
    with managers.running(node, "--heartbeat", "60", "--keeper-interval", "60") as manager:
        samples = [run(manager) for _ in range(TIMES)]
    name = f"last of {CHILDREN} children recorded to next stage started"
    return [Figure("join", name, node, "ms", samples, p95=True).must_be_below(BOUND)]


def run(manager: managers.Manager) -> float:
    """Run a fan-out and return the milliseconds from its last child's end to the start of the stage behind it.

    By the times that the database stored: a child is stamped when the transaction that records it begins, the next
    stage when the transaction that claims it begins. So the time of the one is in it, the time of the other is not.
    """
    nested = fanout.run(manager, CHILDREN)
    last = nested.stages.aggregate(last=Max("finished_at"))["last"]
    waiting = nested.parent_stage
    behind = TaskStage.objects.using(nested._state.db).get(task=waiting.task_id, order=waiting.order + 1)
    if behind.started_at < last:
        raise managers.Failed(f"{behind} started before the last child was recorded")
    return (behind.started_at - last).total_seconds() * 1000
