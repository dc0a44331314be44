"""A task with rows as a run would leave them, written by a few statements, for tests of its timeline and charts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from django_tasks_poc import EntityWrapper, State
from django_tasks_poc.models import StageAttempt, Task, TaskStage
from tests.building import build
from tests.handlers_admin import Say
from tests.support_rows import keep_counters


@dataclass(frozen=True)
class Stage:
    """A stage that began and ended so many seconds after the start of its task; None for not (yet)."""

    begin: float | None = None
    end: float | None = None
    state: State = State.SUCCESS
    handler: str = "shop.LoadBatch"
    took: float | None = None
    start: int = 1
    max_rss: int | None = None
    failed: tuple[tuple[float, float, str], ...] = ()


def run(
    *stages: Stage, title: str = "Import", elapsed: float | None = None, parallel: bool = False,
    parent: TaskStage | None = None, start: datetime | None = None,
) -> Task:  # fmt: skip
    """Write a task with these stages; it began ``elapsed`` seconds ago, or has ended with its last stage."""
    task = build(title, EntityWrapper(Say), unique=False)
    TaskStage.objects.filter(task=task).delete()
    ends = [stage.end for stage in stages if stage.end is not None]
    start = start or timezone.now() - timedelta(seconds=max(ends, default=0.0) if elapsed is None else elapsed)
    values: dict[str, Any] = {"started_at": start, "created_at": start, "parallel": parallel, "state": State.RUNNING}
    if elapsed is None:
        failed = any(stage.state == State.ERROR for stage in stages)
        values |= {
            "finished_at": start + timedelta(seconds=max(ends)),
            "state": State.ERROR if failed else State.SUCCESS,
        }
    if parent is not None:
        values |= {"parent_stage": parent, "root": parent.task.root, "depth": parent.task.depth + 1}
    Task.objects.filter(uuid=task.uuid).update(**values)
    task = Task.objects.get(uuid=task.uuid)
    add(task, stages)
    return Task.objects.get(uuid=task.uuid)


def add(task: Task, stages: Iterable[Stage]) -> None:
    """Write the stages behind those that are there, with their failed starts."""
    assert task.started_at is not None
    began = task.started_at
    rows, attempts = [], []
    for order, stage in enumerate(stages, TaskStage.objects.filter(task=task).count()):
        took = stage.took
        if took is None and stage.begin is not None and stage.end is not None:
            took = stage.end - stage.begin
        row = TaskStage(
            task=task, order=order, handler=stage.handler, params="{}", state=stage.state, duration=took,
            start=stage.start if stage.begin is not None else 0, max_rss=stage.max_rss,
            started_at=_moment(began, stage.begin), finished_at=_moment(began, stage.end),
        )  # fmt: skip
        rows.append(row)
        attempts += [
            StageAttempt(
                stage=row, start=number, attempt=number, outcome=outcome,
                started_at=_moment(began, begin), ended_at=_moment(began, end),
            )
            for number, (begin, end, outcome) in enumerate(stage.failed, 1)
        ]  # fmt: skip
    TaskStage.objects.bulk_create(rows, batch_size=1000)
    StageAttempt.objects.bulk_create(attempts)
    keep_counters(task)


def _moment(start: datetime, second: float | None) -> datetime | None:
    return None if second is None else start + timedelta(seconds=second)
