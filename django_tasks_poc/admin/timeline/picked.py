"""Which stages get a row of their own, read by an index each: all of a few, else those that one looks for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from ...models import StageAttempt, Task, TaskStage
from ...states import State
from .tally import RETRIED

#: A task of up to so many stages shows all of them: as the page's own, and below another.
FEW, FEW_BELOW = 16, 6
FAILED, SLOWEST, WAITING, RUNNING = 4, 2, 2, 2
#: Failed starts that are read for all rows together.
ATTEMPTS = 120

_COLUMNS = (
    "uuid", "task", "order", "kind", "state", "handler", "start", "due", "started_at", "finished_at", "duration",
)  # fmt: skip


class Picked:
    """Stages of one task with a row, each with the reason for it."""

    def __init__(self) -> None:
        self.stages: dict[UUID, TaskStage] = {}
        self.slowest: set[UUID] = set()

    def add(self, stages: Iterable[TaskStage]) -> None:
        for stage in stages:
            self.stages.setdefault(stage.uuid, stage)


def all_stages(task: Task, alias: str) -> Picked:
    """Return all stages of a task that has few, its finally too."""
    picked = Picked()
    picked.add(_stages(task, alias).order_by("order")[: FEW + 1])
    return picked


def picked_stages(task: Task, retried: list[int], alias: str) -> Picked:
    """Return what one looks for among many: what failed, was retried, was slow, waits, runs."""
    picked, stages = Picked(), _stages(task, alias)
    # A stage in these states has no due time: named, it lets the index give them in their order.
    by_state = stages.filter(due__isnull=True).order_by("order")
    picked.add(by_state.filter(state=State.ERROR)[:FAILED])
    picked.add(stages.filter(order__in=retried).order_by("order")[:RETRIED])
    slow = list(stages.filter(duration__isnull=False).order_by("-duration")[: SLOWEST + FAILED])
    slow = [stage for stage in slow if stage.state == State.SUCCESS and stage.uuid not in picked.stages][:SLOWEST]
    picked.slowest = {stage.uuid for stage in slow}
    picked.add(slow)
    picked.add(by_state.filter(state=State.WAITING)[:WAITING])
    picked.add(by_state.filter(state=State.RUNNING)[:RUNNING])
    return picked


def _stages(task: Task, alias: str) -> QuerySet[TaskStage]:
    return TaskStage.objects.using(alias).filter(task_id=task.uuid).only(*_COLUMNS)


def nested_of(picked: Picked, limit: int, alias: str) -> dict[UUID, Task]:
    """Return the newest nested task of each of these stages, by the stage; of very many the largest."""
    rows = Task.objects.using(alias).visible().filter(parent_stage__in=list(picked.stages))
    rows = rows.defer("shared", "response", "options", "message").order_by("created_at")
    found = {task.parent_stage_id: task for task in rows[: limit * 10] if task.parent_stage_id is not None}
    largest = sorted(found.values(), key=lambda task: -task.total_count)[:limit]
    return {task.parent_stage_id: task for task in largest if task.parent_stage_id is not None}


def attempts_of(stages: Iterable[UUID], alias: str) -> dict[UUID, list[Any]]:
    """Return the failed starts of these stages, in their order."""
    rows = StageAttempt.objects.using(alias).filter(stage__in=list(stages)).order_by("-ended_at")
    columns = rows.values_list("stage", "start", "outcome", "signal", "started_at", "ended_at", named=True)
    found: dict[UUID, list[Any]] = {}
    for row in list(columns[:ATTEMPTS])[::-1]:
        found.setdefault(row.stage, []).append(row)
    return found
