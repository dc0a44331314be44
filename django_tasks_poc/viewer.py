"""One object that says how a task is doing, for pages and APIs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec
from django.core.exceptions import ValidationError
from django.utils import timezone

from .exceptions import TaskNotFound
from .models import Task, TaskStage
from .node import databases, nodes
from .serialization import reading
from .states import State
from .storage.orm.schema import explained

#: Nested tasks, and stages at work, that are shown with a task; more nested ones are reached by their own views.
_SHOWN = 100


@dataclass(frozen=True)
class Metrics:
    """Stages by how they are; ``finished`` is all that ended, ``failed`` is failed or cancelled."""

    count: int
    finished: int
    ready: int
    running: int
    waiting: int
    success: int
    failed: int
    canceled: int
    skipped: int


@dataclass(frozen=True)
class Progress:
    """What a running stage said last: ``done`` of ``total``, in whatever it counts, and its words for it."""

    done: float
    total: float
    message: str


@dataclass(frozen=True)
class StageView:
    """A stage at work: one that runs, or that waits for its nested task.

    ``handler`` is the dotted path of its class, ``order`` counts from 0, ``attempt`` from 1. ``progress`` is None until
    a running stage has told it. ``fraction`` is how much of it is done, 0 to 1. ``duration`` is in seconds, up to now.
    """

    uuid: UUID
    order: int
    handler: str
    state: State
    attempt: int
    progress: Progress | None
    fraction: float
    started_at: datetime | None
    duration: float | None


@dataclass(frozen=True)
class TaskView:
    """A task as a page shows it.

    ``nested`` are the tasks that its stages built, the newest 100, oldest first; ``current`` are its stages at work,
    the first 100 in their order. Those of ``nested`` come without their own. ``fraction`` is how much is done, 0 to 1:
    stages that ended, and the fractions of those in ``current``, by the number of stages. ``duration`` is in seconds,
    up to the end, or up to now; None before the start. A task has ended once ``finished_at`` is set.
    """

    uuid: UUID
    title: str
    state: State
    message: str
    node: str
    metrics: Metrics
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    nested: tuple[TaskView, ...] = ()
    created_by: str = ""
    fraction: float = 0.0
    duration: float | None = None
    current: tuple[StageView, ...] = ()


def find_task(uuid: UUID, *without: str) -> Task | None:
    """Return the task from whichever node's database has it, without some large columns; None when none does."""
    found = (Task.objects.using(alias).visible().defer(*without).filter(uuid=uuid).first() for alias in databases())
    return next((task for task in found if task is not None), None)


class TaskViewer:
    """Reads views of the tasks of one node, in three queries each, however many stages and nested tasks there are."""

    def __init__(self, node: str = "default") -> None:
        self.node = nodes[node]
        self.alias = self.node.database

    @explained
    def get(self, uuid: UUID | str) -> TaskView:
        """Return the view of a task; raise TaskNotFound."""
        rows = Task.objects.using(self.alias).defer("shared", "options", "response")
        try:
            task = rows.filter(node=self.node.label, purging=False).get(uuid=uuid)
        except (Task.DoesNotExist, ValidationError) as error:
            raise TaskNotFound(f"No task {uuid} on node {self.node}.") from error
        newest = rows.visible().filter(parent_stage__task=task).order_by("-created_at", "-uuid")[:_SHOWN]
        stages = TaskStage.objects.using(self.node.database).steps().filter(task=task)
        at_work = stages.filter(state__in=(State.RUNNING, State.WAITING)).order_by("order")
        shown = at_work.only("uuid", "order", "handler", "state", "attempt", "progress", "started_at")[:_SHOWN]
        return _whole_view(task, list(newest)[::-1], shown)


def _whole_view(task: Task, nested: Iterable[Task], at_work: Iterable[TaskStage]) -> TaskView:
    now = timezone.now()
    views = {row: _view(row, now) for row in nested}
    # A stage that was run anew has several; the newest is the one that it waits for.
    waits_for = {row.parent_stage_id: view for row, view in views.items()}
    current = tuple(_stage_view(stage, waits_for.get(stage.uuid), now) for stage in at_work)
    return _view(task, now, tuple(views.values()), current)


def _view(
    task: Task, now: datetime, nested: tuple[TaskView, ...] = (), current: tuple[StageView, ...] = ()
) -> TaskView:
    done = task.finished_count + sum(stage.fraction for stage in current)
    # What is read is read in three queries: a stage may have ended between them.
    fraction = min(1.0, done / task.total_count) if task.total_count else float(task.finished_at is not None)
    with reading(f"The state of task {task.uuid}"):
        state = State(task.state)
    return TaskView(
        uuid=task.uuid, title=task.title, state=state, message=task.message, node=task.node,
        metrics=_metrics(task), created_at=task.created_at, started_at=task.started_at, finished_at=task.finished_at,
        nested=nested, created_by=task.created_by, fraction=fraction,
        duration=_seconds(task.started_at, task.finished_at or now), current=current,
    )  # fmt: skip


def _stage_view(stage: TaskStage, waits_for: TaskView | None, now: datetime) -> StageView:
    progress = _progress(stage) if stage.state == State.RUNNING else None
    if progress is not None and progress.total > 0:
        fraction = min(1.0, max(0.0, progress.done / progress.total))
    else:
        fraction = waits_for.fraction if waits_for and stage.state == State.WAITING else 0.0
    return StageView(
        uuid=stage.uuid, order=stage.order, handler=stage.handler, state=State(stage.state), attempt=stage.attempt,
        progress=progress, fraction=fraction, started_at=stage.started_at, duration=_seconds(stage.started_at, now),
    )  # fmt: skip


def _progress(stage: TaskStage) -> Progress | None:
    try:
        return Progress(*msgspec.json.decode(stage.progress, type=tuple[float, float, str]))
    except msgspec.MsgspecError:  # nothing yet, or no progress
        return None


def _seconds(start: datetime | None, end: datetime) -> float | None:
    """Return how long it took; the clock of the database, which started it, and ours may differ a little."""
    return None if start is None else max(0.0, (end - start).total_seconds())


def _metrics(task: Task) -> Metrics:
    return Metrics(
        count=task.total_count, finished=task.finished_count, ready=task.ready_count, running=task.running_count,
        waiting=task.waiting_count, success=task.success_count, failed=task.failed_count,
        canceled=task.canceled_count, skipped=task.skipped_count,
    )  # fmt: skip
