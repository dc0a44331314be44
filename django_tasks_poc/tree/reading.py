"""Reading a tree, level by level, in a fixed number of queries each, however much there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

import msgspec
from django.db.models import F, QuerySet
from django.db.models.functions import Left, Right
from django.utils import timezone

from ..masking import masked_compact
from ..models import Kind, StageAttempt, Task, TaskEvent, TaskStage
from ..models.stage import COUNTS
from ..states import FAILED, FINAL, State
from .nodes import TreeAttempt, TreeEvent, TreeStage, TreeTask

#: Of one task that many stages are shown, of one level that many tasks, and that many levels.
STAGES, TASKS, LEVELS = 20, 50, 30
#: The last starts of a stage, and the last verbs of a level, that are shown.
STARTS, EVENTS = 10, 100
#: Characters of a foreign text that are read.
TEXT, TRACE = 2_000, 8_000

_AT_WORK = (State.RUNNING, State.WAITING)


def read_tree(task: Task) -> TreeTask:
    """Return the tree of a task as it is now; of a large one what is at work and what failed, and counts of the rest.

    Raises Task.DoesNotExist when it is gone.
    """
    alias = task._state.db or "default"
    now = timezone.now()
    root = _task(_tasks(alias).get(uuid=task.uuid), now)
    level = [root]
    for _ in range(LEVELS):
        if not level:
            break
        level = _read_level(alias, {one.uuid: one for one in level}, now)
    return root


def _tasks(alias: str) -> QuerySet[Task]:
    return Task.objects.using(alias).filter(purging=False).defer("shared", "options", "response")


def _read_level(alias: str, tasks: Mapping[UUID, TreeTask], now: datetime) -> list[TreeTask]:
    """Read what is shown of the stages of these tasks, and return the tasks nested in them."""
    owners: dict[UUID, TreeStage] = {}
    places: dict[UUID, TreeTask] = {}
    for task, rows in _chosen(alias, tasks).items():
        owner = tasks[task]
        owner.stages = [_stage(row, now) for row in rows]
        owner.hidden = _minus(owner.counts, [stage.state for stage in owner.stages if not stage.is_finally])
        owners |= {stage.uuid: stage for stage in owner.stages}
        places |= {stage.uuid: owner for stage in owner.stages}
    for event in TaskEvent.objects.using(alias).filter(task__in=list(tasks)).order_by("-at")[:EVENTS]:
        tasks[event.task_id].events.insert(0, TreeEvent(event.verb, event.at, event.by, event.reason))
    for attempt in _attempts(alias, owners):
        owners[attempt.stage_id].attempts.append(_attempt(attempt))
    nested = _tasks(alias).exclude(state=State.PROMISED).filter(parent_stage__in=list(owners))
    level = []
    for number, row in enumerate(nested.order_by("parent_stage", "uuid")[: STAGES * TASKS]):
        assert row.parent_stage_id is not None  # it was asked for
        if number < TASKS:
            level.append(_task(row, now))
            owners[row.parent_stage_id].nested.append(level[-1])
        else:
            places[row.parent_stage_id].hidden_nested += 1
    return level


def _chosen(alias: str, tasks: Mapping[UUID, TreeTask]) -> dict[UUID, list[TaskStage]]:
    """Return the stages to be shown of each task: those at work, then those that failed, then the first ones."""
    stages = TaskStage.objects.using(alias).defer("response", "params", "cursor", "traceback").annotate(
        response_head=Left("response", TEXT), params_head=Left("params", TEXT), trace=Right("traceback", TRACE)
    )  # fmt: skip
    large = [task.uuid for task in tasks.values() if task.total > STAGES]
    found = list(stages.filter(task__in=list(tasks), order__lt=STAGES))
    if large:
        beyond = stages.filter(task__in=large, order__gte=STAGES).order_by("task", "order")
        steps = beyond.filter(kind=Kind.STAGE)
        for states in (_AT_WORK, tuple(FAILED)):
            found += steps.filter(state__in=states)[: STAGES * TASKS]
        found += beyond.filter(kind=Kind.FINALLY, order=F("task__total_count"))
    chosen: dict[UUID, list[TaskStage]] = {uuid: [] for uuid in tasks}
    for row in sorted(found, key=_rank):
        mine = chosen[row.task_id]
        if row.kind == Kind.FINALLY or len(mine) < STAGES:
            mine.append(row)
    return {uuid: sorted(rows, key=lambda row: row.order) for uuid, rows in chosen.items()}


def _rank(row: TaskStage) -> tuple[int, int]:
    first = 0 if row.state in _AT_WORK else 1 if row.state == State.ERROR else 2 if row.state in FAILED else 3
    return (9 if row.kind == Kind.FINALLY else first), row.order


def _attempts(alias: str, stages: Mapping[UUID, TreeStage]) -> Iterable[StageAttempt]:
    rows = StageAttempt.objects.using(alias).filter(stage__in=[s.uuid for s in stages.values() if s.start])
    rows = rows.filter(stage__start__lt=F("start") + STARTS).defer("stdout", "stderr", "traceback")
    return rows.annotate(trace=Right("traceback", TRACE)).order_by("start")


def _minus(counts: Mapping[str, int], shown: Iterable[str]) -> dict[str, int]:
    left = dict(counts)
    for state in shown:
        # A paused one is counted with those that are ready.
        key = State.READY.value if state == State.PAUSED else state
        left[key] = left.get(key, 0) - 1
    return {state: count for state, count in left.items() if count > 0}


def _task(row: Task, now: datetime) -> TreeTask:
    counts = {
        state.value: getattr(row, f"{state.value.lower()}_count")
        for state in (State.READY, State.RUNNING, State.WAITING, *sorted(FINAL))
    }
    return TreeTask(
        uuid=row.uuid, node=row.node, title=row.title, state=row.state, message=row.message[:TEXT],
        parallel=row.parallel, total=row.total_count, counts=counts, created_at=row.created_at,
        started_at=row.started_at, finished_at=row.finished_at,
        duration=_seconds(row.started_at, now if row.state in _AT_WORK else row.finished_at),
        is_over=not row.active, hidden=_minus(counts, ()),
    )  # fmt: skip


def _stage(row: TaskStage, now: datetime) -> TreeStage:
    is_running, response = row.state == State.RUNNING, getattr(row, "response_head")  # noqa: B009  # annotated
    return TreeStage(
        uuid=row.uuid, order=row.order, is_finally=row.kind == Kind.FINALLY, handler=row.handler,
        params=masked_compact(getattr(row, "params_head")), state=row.state,  # noqa: B009  # annotated
        message=row.message[:TEXT],
        response="" if response.startswith(COUNTS) or row.state == State.WAITING else masked_compact(response),
        response_type=row.response_type, error=row.error_message[:TEXT], traceback=getattr(row, "trace"),  # noqa: B009
        attempt=row.attempt, start=row.start, progress=_progress(row) if is_running else None,
        due=row.due if row.due is not None and row.due > now else None,
        duration=_seconds(row.started_at, now) if row.state in _AT_WORK else row.duration,
    )  # fmt: skip


def _progress(row: TaskStage) -> tuple[float, float, str] | None:
    try:
        return msgspec.json.decode(row.progress, type=tuple[float, float, str])
    except msgspec.MsgspecError:  # nothing yet, or no progress
        return None


def _attempt(row: StageAttempt) -> TreeAttempt:
    return TreeAttempt(
        start=row.start, attempt=row.attempt, outcome=row.outcome, message=row.message[:TEXT],
        traceback=getattr(row, "trace"), exit_code=row.exit_code, signal=row.signal, max_rss=row.max_rss,  # noqa: B009
        duration=_seconds(row.started_at, row.ended_at),
    )  # fmt: skip


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return max(0.0, (end - start).total_seconds()) if start is not None and end is not None else None
