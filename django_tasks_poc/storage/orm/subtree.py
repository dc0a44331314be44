"""A task and all below it: pausing, resuming and cancelling them."""

from __future__ import annotations

from uuid import UUID

from ...models import Task, TaskStage
from ...outcomes import VerbResult
from ...states import State
from .locks import open_subtree
from .writer import Writer


def _open(writer: Writer, top: Task) -> list[Task]:
    """Return the locked open tasks of the subtree of ``top``."""
    inside = open_subtree(writer.alias, top.uuid)
    tasks = [task for uuid, task in writer.tasks.items() if uuid in inside]
    return [task for task in tasks if not State(task.state).is_final and task.state != State.PROMISED]


def pause_tree(writer: Writer, top: Task, reason: str) -> int:
    """Pause the locked open tasks of a subtree; return how many were not paused before."""
    paused = 0
    for task in _open(writer, top):
        if task.state != State.PAUSED:
            writer.move_task(task, State.PAUSED)
            task.pause_root, task.claimable = top.uuid, False
            if task.started_at is not None:
                task.due = None  # The stages keep theirs.
            paused += 1
    if paused and reason:
        top.message = reason
    return paused


def resume_tree(writer: Writer, top: Task) -> int:
    """Wake the tasks of a locked subtree that were paused by ``top``; return how many.

    Below a task that is paused they go on with that one.
    """
    woken = [task for task in _open(writer, top) if task.state == State.PAUSED and task.pause_root == top.uuid]
    if (above := _pause_above(writer, top)) is not None:
        for task in woken:
            task.pause_root = above
            writer.touch(task)
        return len(woken)
    stages = TaskStage.objects.using(writer.alias).filter(task__in=[task.uuid for task in woken], state=State.PAUSED)
    stages.update(state=State.READY, due=writer.now)
    for task in woken:
        task.pause_root = None
        writer.move_task(task, task.open_state)
        if task.due is not None and task.due > writer.now:
            writer.wake_at(task, task.due)
        elif task.open_count:
            writer.wake(task)
    return len(woken)


def _pause_above(writer: Writer, top: Task) -> UUID | None:
    """Return the task whose pause holds the parent of ``top``."""
    if top.parent_stage_id is None:
        return None
    parent = TaskStage.objects.using(writer.alias).values_list("task", flat=True).get(uuid=top.parent_stage_id)
    return writer.task(parent).pause_root


def cancel_tree(writer: Writer, top: Task, reason: str) -> VerbResult:
    """Cancel the locked open tasks of a subtree; say how many, how many stages will not begin, how many run."""
    tasks = _open(writer, top)
    result = VerbResult(len(tasks), sum(task.ready_count for task in tasks), sum(task.running_count for task in tasks))
    for task in tasks:
        writer.move_task(task, State.CANCELED)
        task.pause_root, task.claimable, task.due = None, False, None
        task.message = reason
        task.closing = task.ready_count > 0
    writer.recorded.wakes = writer.recorded.wakes or bool(tasks)
    return result
