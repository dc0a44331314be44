"""Recording what became of starts: stage rows, counters, and what ends by it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from ...models import Kind, Task, TaskStage
from ...states import FAILED, FINAL, State
from ..values import Recorded, StageMove
from .compiled import fetch
from .ending import finish_stage, settle
from .locks import writing
from .rows import read
from .subtree import cancel_tree, pause_tree
from .succession import places, succeed
from .writer import Writer

#: What is read of a stage; all else of it that a move writes is the move's.
_COLUMNS = ("uuid", "order", "kind", "state", "token", "attempt", "lost")
#: And what a post-mortem says of its start.
_POST_MORTEM = ("manager", "start", "started_at")


def record(alias: str, moves: Sequence[StageMove], manager: UUID | None = None, room: int = 0) -> Recorded:
    """Write the moves in one transaction; those whose token is over are refused, the others stand.

    Up to ``room`` stages that come next are claimed for the manager on the way.
    """
    with writing(alias):
        free = places(alias, moves, manager, room)
        writer = Writer(alias)
        _lock(writer, moves)
        columns = (*_COLUMNS, *_POST_MORTEM) if any(move.attempt for move in moves) else _COLUMNS
        stages = _stages(alias, {move.stage for move in moves}, columns)
        for move in sorted(moves, key=_rank):
            task, stage = writer.tasks.get(move.task), stages.get(move.stage)
            if task is None or stage is None or stage.state != State.RUNNING or stage.token != move.token:
                writer.recorded.refused.add(move.token)
            else:
                stage.task_id = move.task  # as the token says
                _apply(writer, task, stage, move)
        settle(writer)
        if manager is not None and free:
            writer.recorded.claims = succeed(writer, manager, free)
        return writer.flush()


def _stages(alias: str, keys: set[UUID], columns: tuple[str, ...]) -> dict[UUID, TaskStage]:
    def make(keys: Sequence[UUID]) -> QuerySet[TaskStage]:
        return TaskStage.objects.using(alias).filter(uuid__in=keys)

    name = "ended stages" if columns is _COLUMNS else "ended stages with their starts"
    return {stage.uuid: stage for stage in read(alias, name, TaskStage, columns, list(keys), make)}


def _lock(writer: Writer, moves: Sequence[StageMove]) -> None:
    """Lock the moves' tasks, and the trees whose shape may change by them."""
    by_task: dict[UUID, list[StageMove]] = defaultdict(list)
    for move in moves:
        by_task[move.task].append(move)
    if all(move.is_of_root and not _changes_shape(move) for move in moves):
        # The tasks are the trees, as far as they are locked: nothing has to be known before.
        writer.lock_trees(by_task, by_task)
        return

    def make(keys: Sequence[UUID]) -> QuerySet[Any, Any]:
        rows = Task.objects.using(writer.alias).filter(uuid__in=keys)
        return rows.values_list("uuid", "root", "open_count", "state")

    roots: set[UUID] = set()
    shaped: set[UUID] = set()
    whole: set[UUID] = set()
    for uuid, root, open_count, state in fetch(writer.alias, "tasks to be locked", list(by_task), make):
        if uuid == root:
            # Should any root be locked first, then every one that is locked at all.
            roots.add(root)
        mine = by_task[uuid]
        # In a task that is over every move ends its stage.
        finals = len(mine) if state in FINAL else sum(move.state.is_final for move in mine)
        if finals >= open_count or any(_changes_shape(move) for move in mine):
            roots.add(root)
            shaped.add(uuid)
            shaped.update(move.nested for move in mine if move.nested is not None)
            if any(move.cancels_task or move.state == State.PAUSED for move in mine):
                whole.add(uuid)
    if shaped:
        writer.lock_trees(roots, shaped, by_task, whole)
    else:
        writer.lock(by_task)


def _rank(move: StageMove) -> int:
    """Put what stops a task before what else came in: that must not begin anew, or begin to wait, under it."""
    if move.cancels_task:
        return 0
    return 1 if move.state == State.PAUSED else 2


def _changes_shape(move: StageMove) -> bool:
    return move.state in (State.WAITING, State.PAUSED) or move.state in FAILED or move.cancels_task


def _apply(writer: Writer, task: Task, stage: TaskStage, move: StageMove) -> None:
    _write_post_mortem(writer, stage, move)
    stage.message, stage.response, stage.response_type = move.message, move.response, move.response_type
    stage.error_class, stage.error_message, stage.traceback = move.error_class, move.error_message, move.traceback
    stage.duration, stage.cpu, stage.max_rss, stage.due = move.duration, move.cpu, move.max_rss, None
    if move.is_refunded:
        stage.attempt = max(0, stage.attempt - 1)
    if move.is_lost:
        stage.lost += 1
    ended = State(task.state).is_final and stage.kind == Kind.STAGE
    if move.cancels_task and not ended:
        finish_stage(writer, task, stage, State.CANCELED)
        cancel_tree(writer, task, move.message)
    elif move.state.is_final:
        finish_stage(writer, task, stage, move.state)
    elif move.state == State.WAITING:
        _wait(writer, task, stage, move)
    elif ended:
        finish_stage(writer, task, stage, State.CANCELED)
    elif move.state == State.PAUSED:
        writer.move_stage(task, stage, State.PAUSED)
        pause_tree(writer, task, move.message)
    else:
        _return(writer, task, stage, move.delay)


def _return(writer: Writer, task: Task, stage: TaskStage, delay: float) -> None:
    writer.move_stage(task, stage, State.READY)
    stage.due = writer.now + timedelta(seconds=delay)
    if not task.parallel:
        task.position = stage.order
    writer.wake_at(task, stage.due)
    if stage.kind == Kind.STAGE and task.max_parallel is not None:
        writer.wake(task)  # The place that it leaves is free.


def _wait(writer: Writer, task: Task, stage: TaskStage, move: StageMove) -> None:
    nested = writer.tasks.get(move.nested) if move.nested is not None else None
    if (
        nested is None
        or nested.state != State.PROMISED
        or nested.parent_stage_id != stage.uuid
        or nested.token != move.token
    ):
        stage.message = stage.error_message = (
            f"The stage waits for task {move.nested}, which this attempt did not build with its context."
        )
        finish_stage(writer, task, stage, State.ERROR)
        return
    writer.move_stage(task, stage, State.WAITING)
    if State(task.state).is_final:
        writer.move_task(nested, State.CANCELED)
        nested.message = task.message
        nested.closing = nested.open_count > 0
    elif task.state == State.PAUSED:
        writer.move_task(nested, State.PAUSED)
        nested.pause_root = task.pause_root
    else:
        writer.move_task(nested, State.READY)
        if nested.due is None:
            writer.wake(nested)
        else:
            writer.wake_at(nested, nested.due)


def _write_post_mortem(writer: Writer, stage: TaskStage, move: StageMove) -> None:
    if move.attempt is None:
        return
    attempt = move.attempt
    attempt.stage, attempt.start, attempt.attempt = stage, stage.start, stage.attempt
    attempt.manager = attempt.manager or stage.manager
    if move.duration is not None:
        attempt.started_at = writer.now - timedelta(seconds=move.duration)
    elif stage.start == 1:
        attempt.started_at = stage.started_at  # which is when it first started
    attempt.ended_at = writer.now
    writer.add_attempt(attempt)
