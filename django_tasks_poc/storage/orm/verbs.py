"""What a user may do to a task and all below it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from ...exceptions import TaskNotFound
from ...models import Task, TaskEvent
from ...outcomes import VerbResult
from ...serialization import clean_text
from .ending import settle
from .locks import writing
from .retry import retry_tree
from .subtree import cancel_tree, pause_tree, resume_tree
from .writer import Writer, notify


def pause(alias: str, uuid: UUID, reason: Any, by: Any) -> VerbResult:
    """Pause the open tasks of the subtree."""
    with writing(alias):
        writer, task = _locked(alias, uuid)
        result = VerbResult(tasks=pause_tree(writer, task, _text(reason)))
        return _written(writer, task, "pause", result, reason, by)


def resume(alias: str, uuid: UUID, reason: Any, by: Any) -> VerbResult:
    """Resume what was paused by ``pause`` of this very task."""
    with writing(alias):
        writer, task = _locked(alias, uuid)
        result = VerbResult(tasks=resume_tree(writer, task))
        return _written(writer, task, "resume", result, reason, by)


def cancel(alias: str, uuid: UUID, reason: Any, by: Any) -> VerbResult:
    """Cancel the open tasks of the subtree; managers stop the processes."""
    with writing(alias):
        writer, task = _locked(alias, uuid)
        result = cancel_tree(writer, task, _text(reason) or "Canceled.")
        return _written(writer, task, "cancel", result, reason, by)


def retry_failed(alias: str, uuid: UUID, reason: Any, by: Any) -> VerbResult:
    """Open the ended task again and run what failed in and below it."""
    with writing(alias):
        writer, task = _locked(alias, uuid)
        result = retry_tree(writer, uuid)
        return _written(writer, task, "retry", result, reason, by)


def _locked(alias: str, uuid: UUID) -> tuple[Writer, Task]:
    missing = TaskNotFound(f"No task {uuid} in database {alias!r}.")
    root = Task.objects.using(alias).filter(uuid=uuid).values_list("root", flat=True).first()
    if root is None:
        raise missing
    writer = Writer(alias)
    writer.lock_trees([root], [uuid], whole=[uuid])
    # While the lock was waited for, the tree may have been purged.
    top = writer.tasks.get(root)
    if top.purging if top is not None else not Task.objects.using(alias).filter(uuid=uuid).exists():
        raise missing
    return writer, writer.task(uuid)


def _written(writer: Writer, task: Task, verb: str, result: VerbResult, reason: Any, by: Any) -> VerbResult:
    """Settle, write, and keep who did it; a verb that found nothing to do leaves no trace."""
    settle(writer)
    writer.flush()
    if result:
        TaskEvent.objects.using(writer.alias).create(
            task=task, verb=verb, at=writer.now, by=_text(by)[:255], reason=_text(reason),
            result=msgspec.json.encode(result).decode(),
        )  # fmt: skip
        notify(writer.alias, {row.node for row in writer.tasks.values()})
    return result


def _text(value: Any) -> str:
    """Return what somebody gave as a reason or a name as text that every database takes; None is none."""
    return "" if value is None else clean_text(str(value), 4096)
