"""How an end goes up the tree: a stage ends, with it perhaps its task, with that the parent's wait."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Min

from ...models import Kind, Task, TaskStage
from ...options import TaskOptions
from ...states import OPEN, State
from .writer import Writer, counts_json

#: Up to this many stages that never began are closed in the transaction that stops their tasks.
CLOSED_AT_ONCE = 1000


def finish_stage(writer: Writer, task: Task, stage: TaskStage, state: State) -> None:
    """Move a stage to a final state and let its task draw the consequences that need no other row."""
    writer.move_stage(task, stage, state)
    if stage.kind == Kind.FINALLY:
        task.active = False
        return
    writer.finished[task.uuid] = max(stage.order, writer.finished.get(task.uuid, 0))
    if State(task.state).is_final:
        return
    if task.stops and task.ready_count:
        task.closing = True
    if not task.parallel and (task.stops or not task.open_count):
        # The last stage that began speaks for a sequential task.
        task.message, task.response, task.response_type = stage.message, stage.response, stage.response_type


def advance(writer: Writer) -> None:
    """Give the open tasks the state that their stages mean, and let what became free be claimed."""
    unsure = []
    for uuid, order in writer.finished.items():
        task = writer.tasks[uuid]
        if State(task.state).is_final or not task.open_count:
            continue
        if task.parallel:
            # Also while it is being closed: what began once goes to its end.
            if task.ready_count and task.room != 0:
                writer.wake(task)
        elif not task.closing:
            task.position = max(task.position, order + 1)
            if task.total_count - task.position == task.open_count:
                writer.wake(task)
            else:
                unsure.append(task)
    if unsure:
        rows = TaskStage.objects.using(writer.alias).filter(task__in=[task.uuid for task in unsure], state__in=OPEN)
        # The rows still hold what this transaction is about to write: leave out the stages that it finishes.
        rows = rows.filter(kind=Kind.STAGE).exclude(uuid__in=writer.finishing())
        firsts = dict(rows.order_by().values_list("task").annotate(Min("order")))
        for task in unsure:
            task.position = firsts.get(task.uuid, task.total_count)
            writer.wake(task)
    for task in writer.touched():
        if not State(task.state).is_final and task.state not in (State.PAUSED, State.PROMISED):
            writer.move_task(task, task.open_state)


def close_unstarted(writer: Writer, task: Task, limit: int) -> int:
    """Cancel up to ``limit`` stages that will not begin: all READY ones of an ended task, else those never started."""
    rows = TaskStage.objects.using(writer.alias).filter(task=task, kind=Kind.STAGE)
    rows = rows.filter(state__in=[State.READY, State.PAUSED])
    if not State(task.state).is_final:
        rows = rows.filter(started_at__isnull=True)
    beyond = rows.order_by("order").values_list("order", flat=True)[limit : limit + 1]
    if last := list(beyond):
        rows = rows.filter(order__lt=last[0])
    else:
        task.closing = False
    closed = rows.update(state=State.CANCELED, due=None, finished_at=writer.now)
    task.open_count -= closed
    task.canceled_count += closed
    writer.touch(task)
    return closed


def settle(writer: Writer, may_close: int = CLOSED_AT_ONCE) -> None:
    """End every task of a locked tree that has no open stage, deepest first, and carry each end to its parent.

    Up to ``may_close`` stages in all are closed on the way; tasks that have more keep their mark.
    """
    parents: dict[UUID | None, TaskStage] | None = None
    for task in sorted(writer.tasks.values(), key=lambda task: -task.depth):
        if task.uuid not in writer.trees:
            # Its parent is not locked: it is marked to be ended in a transaction of its own.
            if may_end(task):
                task.closing = True
                writer.touch(task)
            writer.recorded.unsettled |= task.closing
            continue
        if task.closing and task.ready_count <= may_close:
            may_close -= close_unstarted(writer, task, may_close)
        writer.recorded.unsettled |= task.closing
        if may_end(task):
            if parents is None:
                parents = _parent_stages(writer)
            parent = parents.get(task.parent_stage_id)
            if parent is not None and not _is_readable(writer, parent):
                # Nobody can join it now: it ends once its parent was put right.
                task.closing = True
                writer.touch(task)
                continue
            _end(writer, task)
            if parent is not None and parent.state == State.WAITING:
                _join(writer, task, parent)
    advance(writer)


def _parent_stages(writer: Writer) -> dict[UUID | None, TaskStage]:
    keys = [task.parent_stage_id for task in writer.tasks.values() if task.parent_stage_id is not None]
    found: dict[UUID, TaskStage] = TaskStage.objects.using(writer.alias).in_bulk(keys) if keys else {}
    # A stage that began to wait in this very transaction is not in the database yet.
    return {uuid: writer.mine(uuid) or stage for uuid, stage in found.items()}


def _is_readable(writer: Writer, stage: TaskStage) -> bool:
    """Say whether the stage and its task are in states that are known."""
    return stage.task_id in writer.tasks and stage.state in State.values


def may_end(task: Task) -> bool:
    """Say whether the task is to end now."""
    return not task.open_count and task.finished_at is None and task.state not in (State.PAUSED, State.PROMISED)


def _end(writer: Writer, task: Task) -> None:
    if not State(task.state).is_final:
        if task.parallel:
            task.message = summary(task)
        writer.move_task(task, task.verdict)
    task.finished_at = writer.now
    task.unique_open = None
    task.claimable, task.due, task.closing, task.active = False, None, False, False
    task.position = task.total_count
    writer.touch(task)
    options = TaskOptions.readable(task.options)
    if options is not None and (spec := options.finally_) is not None:
        task.active = True
        writer.add_finally(
            TaskStage(task=task, order=task.total_count, kind=Kind.FINALLY, handler=spec.handler, params=spec.params)
        )
        writer.wake(task)
    writer.recorded.ended.append(task)


def _join(writer: Writer, nested: Task, stage: TaskStage) -> None:
    parent = writer.tasks[stage.task_id]
    state = State.SUCCESS
    if nested.state == State.CANCELED:
        state = State.CANCELED
    elif nested.state == State.ERROR and nested.stops:
        state = State.ERROR
        stage.error_message = nested.message
    stage.message = nested.message
    stage.response, stage.response_type = counts_json(nested), ""
    if stage.started_at is not None:
        stage.duration = (writer.now - stage.started_at).total_seconds()
    finish_stage(writer, parent, stage, state)


def summary(task: Task) -> str:
    """Say in one line how the stages of a task ended."""
    words = (("success", "succeeded"), ("skipped", "skipped"), ("error", "failed"), ("canceled", "canceled"))
    parts = [f"{count:,} {word}" for name, word in words if (count := getattr(task, f"{name}_count"))]
    return ", ".join(parts) or "no stages"
