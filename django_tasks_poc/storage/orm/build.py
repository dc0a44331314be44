"""Creating tasks: a root in one transaction, a nested one in pieces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import OuterRef, Subquery

from ...exceptions import InvalidDraft, TaskExists, TokenLost
from ...identifiers import uuid7
from ...models import Task, TaskStage
from ...states import State
from ..values import NewTask, Parent
from . import clock
from .bulk import insert_rows
from .locks import writing
from .writer import notify

#: Stages inserted by one statement.
_PIECE = 1000


def create(alias: str, node: str, new: NewTask, stages: Iterable[tuple[str, str]]) -> Task:
    """Create a root task; it takes part in the caller's transaction."""
    with writing(alias):
        task = _row(new, node, clock.now(alias))
        task.root_id = task.uuid
        task.save(using=alias, force_insert=True)
        if new.unique_key:
            take_key(alias, task)
        content = hashlib.sha256(f"{node}\0{new.title}\0{new.shared}".encode())
        _insert_stages(alias, task, stages, content)
        if not task.total_count:
            raise InvalidDraft(f"Task {new.title!r} has no stages. A root task needs at least one.")
        if new.unique_key == "":
            task.unique_key = content.hexdigest()
            take_key(alias, task)
        _count(alias, task, new, claimable=task.due is None)
        notify(alias, {node})
        return task


def promise(alias: str, node: str, new: NewTask, stages: Iterable[tuple[str, str]], parent: Parent) -> Task:
    """Create a nested task that nothing may run of yet, in short transactions (or all in the caller's)."""
    with writing(alias):
        above = Task.objects.using(alias).filter(uuid=parent.task).defer("shared", "options", "response").first()
        mine = TaskStage.objects.using(alias).filter(uuid=parent.stage, state=State.RUNNING, token=parent.token)
        nested = Task.objects.filter(parent_stage=OuterRef("uuid")).order_by("-uuid").values("uuid")[:1]
        found = mine.annotate(newest=Subquery(nested)).values_list("newest").first()
        if above is None or found is None:
            raise TokenLost(f"Stage {parent.stage} is no longer run by this process; it cannot build a nested task.")
        # The newest nested task of a stage is the one that counts, whatever a host's clock says.
        task = _row(new, node, clock.now(alias), after=found[0])
        task.state, task.token, task.parent_stage_id = State.PROMISED, parent.token, parent.stage
        task.root_id, task.depth, task.age = above.root_id, above.depth + 1, above.age
        task.turn = above.age
        task.priority = above.priority if new.priority is None else new.priority
        task.created_by = new.created_by or above.created_by
        task.save(using=alias, force_insert=True)
    _insert_stages(alias, task, stages, None)
    _count(alias, task, new, claimable=False)
    return task


def _row(new: NewTask, node: str, now: datetime, after: UUID | None = None) -> Task:
    due = new.run_after
    if new.delay:
        due = max(now + timedelta(seconds=new.delay), due or now)
    if due is not None and due <= now:
        due = None
    return Task(
        uuid=uuid7(after), node=node, queue=new.queue, title=new.title, shared=new.shared, options="{}",
        parallel=new.parallel, max_parallel=new.max_parallel, on_error=new.on_error, priority=new.priority or 0,
        unique_key=(new.unique_key or "")[:255], created_by=new.created_by, due=due,
        turn=now, age=now, created_at=now,
    )  # fmt: skip


def _insert_stages(alias: str, task: Task, stages: Iterable[tuple[str, str]], content: hashlib._Hash | None) -> None:
    """Insert the stages piece by piece; a generator is never held as a whole."""
    template = TaskStage(task=task)
    for piece in _pieces(iter(stages)):
        rows = []
        for handler, params in piece:
            rows.append((uuid7(), task.total_count, handler, params))
            task.total_count += 1
            if content is not None:
                content.update(f"\0{handler}\0{params}".encode())
        with transaction.atomic(using=alias, savepoint=False):
            insert_rows(alias, template, ("uuid", "order", "handler", "params"), rows)


def _pieces(stages: Iterator[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    while piece := list(islice(stages, _PIECE)):
        yield piece


def _count(alias: str, task: Task, new: NewTask, *, claimable: bool) -> None:
    task.open_count, task.claimable = task.total_count, claimable
    task.max_failures = allowed_failures(new.max_failures, task.total_count)
    task.options = new.options()
    fields = ("options", "unique_key", "total_count", "open_count", "claimable", "max_failures")
    task.save(using=alias, update_fields=fields)


def allowed_failures(limit: int | str | None, total: int) -> int | None:
    """Return how many stages may fail: a number, or a share like ``"50%"`` of all, rounded down."""
    if isinstance(limit, str):
        return int(float(limit.rstrip("%")) * total / 100)
    return limit


def take_key(alias: str, task: Task) -> None:
    """Hold the task's unique key while it is open; raise TaskExists naming the task that holds it."""
    key = hashlib.sha256(f"{task.node}\0{task.unique_key}".encode()).hexdigest()
    while True:
        try:
            with transaction.atomic(using=alias):
                Task.objects.using(alias).filter(uuid=task.uuid).update(unique_open=key)
            task.unique_open = key
            return
        except IntegrityError:
            holder: UUID | None = (
                Task.objects.using(alias).filter(unique_open=key).values_list("uuid", flat=True).first()
            )
            if holder is not None:
                raise TaskExists(holder, task.unique_key) from None
            # It ended in between; the next try takes the key or finds its next holder.
