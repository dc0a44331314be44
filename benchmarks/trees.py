"""Trees of tasks: building the plain ones, how fast their stages ran, and what is wrong with them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, Min, QuerySet

from django_tasks_poc import EntityWrapper, TaskBuilder, TaskHandlerBase
from django_tasks_poc.models import StageAttempt, Task, TaskStage
from django_tasks_poc.node import nodes
from django_tasks_poc.states import State

from .handlers import Square

#: Tasks that are named at the most when much is wrong.
_NAMED = 5
_COUNTERS = {
    State.RUNNING: "running_count",
    State.WAITING: "waiting_count",
    State.SUCCESS: "success_count",
    State.ERROR: "error_count",
    State.CANCELED: "canceled_count",
    State.SKIPPED: "skipped_count",
}


def fan_out(node: str, stages: int, handler: type[TaskHandlerBase] = Square, **params: Any) -> Task:
    """Build a root whose stages run side by side, each with a number of its own; read from a generator."""
    builder = TaskBuilder(node)
    draft = builder.create(f"{handler.__name__} × {stages:,}", parallel=True, unique=False)
    draft.extend(EntityWrapper(handler, {"number": number, **params}) for number in range(stages))
    return builder.build(draft)


def tasks_of(node: str) -> QuerySet[Task]:
    """Return the tasks on the node's database."""
    return Task.objects.using(nodes[node].database)


def stages_of(tasks: QuerySet[Task]) -> QuerySet[TaskStage]:
    return TaskStage.objects.using(tasks.db).filter(task__in=tasks.order_by())


def rate(stages: QuerySet[TaskStage]) -> float:
    """Return the stages a second, from the first claim to the transaction that recorded the last.

    By the times that the database stored; a stage is stamped when its transaction begins.
    """
    span = stages.aggregate(first=Min("started_at"), last=Max("finished_at"), number=Count("uuid"))
    return span["number"] / (span["last"] - span["first"]).total_seconds()


def problems(tasks: QuerySet[Task]) -> list[str]:
    """Return what is wrong with tasks that ended, all stages of which should have succeeded at their first start."""
    wrong = [f"{task} is {task.state}: {task.message}" for task in tasks.exclude(state=State.SUCCESS)[:_NAMED]]
    for task in tasks.exclude(success_count=F("total_count"))[:_NAMED]:
        wrong.append(f"{task}: {task.success_count} of {task.total_count} succeeded")
    wrong += miscounted(tasks)
    stages = stages_of(tasks)
    if again := stages.exclude(start=1, attempt=1, lost=0).count():
        wrong.append(f"{again} stages started more than once, or never")
    if held := stages.exclude(token=None, manager=None).count():
        wrong.append(f"{held} stages still have a token")
    if failed := StageAttempt.objects.using(tasks.db).filter(stage__in=stages).count():
        wrong.append(f"{failed} starts failed")
    return wrong


def miscounted(tasks: QuerySet[Task]) -> list[str]:
    """Compare the counters of tasks with their rows; return where they differ."""
    rows: dict[UUID, Counter[State]] = defaultdict(Counter)
    for task, state, number in stages_of(tasks).order_by().values_list("task", "state").annotate(Count("uuid")):
        rows[task][State(state)] = number
    return [difference for task in tasks for difference in _differences(task, rows[task.uuid])][:_NAMED]


def _differences(task: Task, rows: Counter[State]) -> Iterator[str]:
    for state, name in _COUNTERS.items():
        if getattr(task, name) != rows[state]:
            yield f"{task}: {name} {getattr(task, name)}, rows {rows[state]}"
    is_open = sum(count for state, count in rows.items() if not state.is_final)
    if (task.total_count, task.open_count) != (rows.total(), is_open):
        yield f"{task}: {task.open_count} of {task.total_count} open, rows {is_open} of {rows.total()}"
