"""Starts: claimed stages become RUNNING under tokens of their own, with all that their processes need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID, uuid4

from django.db.models import OuterRef, Subquery

from ...messages import PreviousData
from ...models import Kind, Task, TaskStage
from ...states import State
from ..values import Claim
from .writer import Writer

#: What is read of a stage that is claimed.
COLUMNS = (
    "uuid", "task_id", "order", "kind", "state", "handler", "params", "due", "attempt", "attempt_base", "start",
    "lost", "cursor", "started_at",
)  # fmt: skip


def take(
    writer: Writer, stages: Iterable[TaskStage], manager: UUID, known: Mapping[UUID, PreviousData] | None = None
) -> list[Claim]:
    """Move the chosen stages to RUNNING under a new token, and return what their processes need.

    ``known`` has the outcome before each of them, by its uuid, where that need not be read.
    """
    tasks = writer.tasks

    def place(stage: TaskStage) -> tuple[Any, ...]:
        task = tasks[stage.task_id]
        return -task.priority, task.turn, task.uuid, stage.order

    chosen = sorted(stages, key=place)
    tokens = [uuid4() for _ in chosen]
    for stage in chosen:
        task = writer.tasks[stage.task_id]
        if stage.kind == Kind.STAGE:
            writer.count(task, State.READY, -1)
            writer.count(task, State.RUNNING, 1)
            task.started_at = task.started_at or writer.now
            writer.move_task(task, State.RUNNING)
            if task.parallel and stage.due is None:
                task.position = max(task.position, stage.order + 1)
        task.turn = writer.now
        writer.touch(task)
    writer.start_stages(chosen, tokens, manager)
    previous = _previous(writer.alias, writer.tasks, chosen) if known is None else known
    return [
        _claim(writer.tasks[stage.task_id], stage, token, previous.get(stage.uuid))
        for stage, token in zip(chosen, tokens, strict=True)
    ]


def _claim(task: Task, stage: TaskStage, token: UUID, previous: PreviousData | None) -> Claim:
    return Claim(
        task=task.uuid, root=task.root_id, depth=task.depth, stage=stage.uuid, order=stage.order,
        is_finally=stage.kind == Kind.FINALLY, handler=stage.handler, params=stage.params, token=token,
        attempt=stage.attempt + 1, spent=stage.attempt + 1 - stage.attempt_base, lost=stage.lost,
        cursor=stage.cursor, options=task.options, previous=previous,
        is_followed=not task.parallel and stage.order + 1 < task.total_count,
    )  # fmt: skip


def rehearsal(alias: str, stage: TaskStage, token: UUID) -> Claim:
    """Return what a claim of the stage would be, and write nothing."""
    task = Task.objects.using(alias).get(uuid=stage.task_id)
    return _claim(task, stage, token, _previous(alias, {task.uuid: task}, [stage]).get(stage.uuid))


def _previous(alias: str, tasks: dict[UUID, Task], chosen: list[TaskStage]) -> dict[UUID, PreviousData]:
    """Return the outcome before each stage of a sequential task, and a task's own for its finally stage."""
    found: dict[UUID, PreviousData] = {}
    before: dict[tuple[UUID, int], UUID] = {}
    for stage in chosen:
        task = tasks[stage.task_id]
        if stage.kind == Kind.FINALLY:
            found[stage.uuid] = PreviousData(task.uuid, task.state, task.message, task.response, task.response_type)
        elif not task.parallel and stage.order:
            before[task.uuid, stage.order - 1] = stage.uuid
    if before:
        waited = Task.objects.filter(parent_stage=OuterRef("uuid")).exclude(state=State.PROMISED).order_by("-uuid")
        rows = TaskStage.objects.using(alias).filter(task__in={task for task, _ in before})
        rows = rows.filter(order__in={order for _, order in before}).defer("params", "cursor")
        for stage in rows.annotate(nested=Subquery(waited.values("uuid")[:1])):
            if (key := before.get((stage.task_id, stage.order))) is not None:
                # One that was run anew may have waited once, and failed without a wait since.
                nested = getattr(stage, "nested") if stage.waited else None  # noqa: B009  # annotated
                found[key] = PreviousData(
                    stage.uuid, stage.state, stage.message, stage.response, stage.response_type,
                    stage.error_class, stage.error_message, stage.traceback, nested,
                )  # fmt: skip
    return found
