"""Work that looks done. It is test data: written to the rows directly, consistent, and run by nobody."""

from __future__ import annotations

import copy
from typing import Any

from django.db import connections, transaction
from django.db.models import QuerySet
from django.utils import timezone

from django_tasks_poc.identifiers import uuid7
from django_tasks_poc.models import Task, TaskStage
from django_tasks_poc.node import nodes
from django_tasks_poc.states import State

from . import trees
from .managers import Failed

#: Rows that are made at once.
_PIECE = 1_000


def fan_out(node: str, finished: int, ready: int = 0) -> Task:
    """Make a fan-out of which so many stages have succeeded, in one go, and the others are ready."""
    with transaction.atomic(using=nodes[node].database):
        task = trees.fan_out(node, finished + ready)
        _succeed(task.stages.filter(order__lt=finished))
        values: dict[str, Any] = {"success_count": finished, "open_count": ready, "position": finished}
        _end(task, **values) if not ready else _write(task, state=State.RUNNING, started_at=timezone.now(), **values)
    return _checked(task)


def roots(node: str, number: int) -> None:
    """Make so many tasks of one stage that have succeeded."""
    database = nodes[node].database
    with transaction.atomic(using=database):
        task = trees.fan_out(node, 1)
        _succeed(task.stages.all())
        _end(task, success_count=1, open_count=0, position=1)
        stage = task.stages.get()
        for first in range(1, number, _PIECE):
            tasks, stages = [], []
            for _ in range(first, min(first + _PIECE, number)):
                tasks.append(copy.copy(task))
                tasks[-1].uuid = tasks[-1].root_id = uuid7()
                stages.append(copy.copy(stage))
                stages[-1].uuid, stages[-1].task_id = uuid7(), tasks[-1].uuid
            Task.objects.using(database).bulk_create(tasks)
            TaskStage.objects.using(database).bulk_create(stages)
    _checked(tasks[-1] if number > 1 else task)


def tidy(node: str) -> None:
    """Do what autovacuum does behind a bulk load, where there is one."""
    connection = connections[nodes[node].database]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")


def _succeed(stages: QuerySet[TaskStage]) -> None:
    now = timezone.now()
    stages.update(
        state=State.SUCCESS, message="squared", response="1", attempt=1, start=1, started_at=now, finished_at=now,
        duration=0.001, cpu=0.001, max_rss=50_000,
    )  # fmt: skip


def _end(task: Task, **values: Any) -> None:
    now = timezone.now()
    _write(
        task, state=State.SUCCESS, message=f"{task.total_count:,} succeeded", started_at=now, finished_at=now,
        claimable=False, active=False, **values,
    )  # fmt: skip


def _write(task: Task, **values: Any) -> None:
    for name, value in values.items():
        setattr(task, name, value)
    task.save(using=task._state.db, update_fields=values)


def _checked(task: Task) -> Task:
    if wrong := trees.miscounted(trees.tasks_of(task.node).filter(uuid=task.uuid)):
        raise Failed("; ".join(wrong))
    return task
