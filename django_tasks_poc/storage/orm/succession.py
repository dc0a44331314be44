"""The next stage of a sequential task, claimed by the transaction that records the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import F, QuerySet

from ...messages import PreviousData
from ...models import Kind, Task, TaskStage
from ...states import State
from ..values import Claim, StageMove
from .locks import is_alive
from .rows import read
from .starts import COLUMNS, take
from .writer import Writer


def places(alias: str, moves: Sequence[StageMove], manager: UUID | None, room: int) -> int:
    """Return how many next stages may be claimed; before any other lock, the manager's row is locked and must live."""
    if manager is None or not any(move.is_followed and move.state == State.SUCCESS for move in moves):
        return 0
    return room if is_alive(alias, manager) else 0


def succeed(writer: Writer, manager: UUID, room: int) -> list[Claim]:
    """Claim what comes next in up to ``room`` sequential tasks whose stage has just ended well."""
    before: dict[UUID, TaskStage] = {}
    for stage in writer.changed():
        task = writer.tasks[stage.task_id]
        # One that waited gives the next one more than its own row: that is read by a claim.
        if stage.state == State.SUCCESS and stage.kind == Kind.STAGE and not stage.waited and _goes_on(task, stage):
            before[task.uuid] = stage
    tasks = sorted(before, key=lambda uuid: writer.tasks[uuid].turn)[:room]
    if not tasks:
        return []

    def make(keys: Sequence[UUID]) -> QuerySet[TaskStage]:
        # The tasks' rows are not written yet: their position is that of the stage that has just ended.
        rows = TaskStage.objects.using(writer.alias).filter(task__in=keys, order=F("task__position") + 1)
        return rows.filter(state=State.READY, due=None)

    chosen, known = [], {}
    for stage in read(writer.alias, "next stages", TaskStage, COLUMNS, tasks, make):
        if stage.order == writer.tasks[stage.task_id].position:
            chosen.append(stage)
            known[stage.uuid] = _outcome(before[stage.task_id])
            writer.unwake(writer.tasks[stage.task_id])
    return take(writer, chosen, manager, known)


def _goes_on(task: Task, stage: TaskStage) -> bool:
    """Say whether the task has just been marked as having its next stage to be claimed."""
    return not task.parallel and task.claimable and not task.closing and task.position == stage.order + 1


def _outcome(stage: TaskStage) -> PreviousData:
    return PreviousData(
        stage.uuid, stage.state, stage.message, stage.response, stage.response_type,
        stage.error_class, stage.error_message, stage.traceback,
    )  # fmt: skip
