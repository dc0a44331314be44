"""Reads of tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import F, Q

from ...exceptions import NotMigrated, TaskNotFound
from ...models import Task
from ...options import TaskOptions
from ...states import State
from ..values import TaskCounts
from . import clock
from .schema import explained, unapplied
from .sweep import to_close

#: In these a task goes on by itself; in a state that nobody knows it does not.
_MOVING = frozenset(State) - {State.PAUSED, State.PROMISED}


class OrmTaskQuery:
    """TaskQuery on Django's models."""

    def __init__(self, node: str, alias: str) -> None:
        self.node = node
        self.alias = alias

    @explained
    def get(self, uuid: UUID) -> Task:
        task = Task.objects.using(self.alias).filter(uuid=uuid, purging=False).first()
        if task is None:
            raise TaskNotFound(f"No task {uuid} on node {self.node}.")
        return task

    @explained
    def existing(self, tasks: Sequence[UUID]) -> list[Task]:
        rows = Task.objects.using(self.alias).filter(uuid__in=tasks, purging=False)
        found = {row.uuid: row for row in rows}
        return [found[uuid] for uuid in tasks if uuid in found]

    def nested_of(self, stages: Iterable[UUID]) -> dict[UUID, UUID]:
        rows = Task.objects.using(self.alias).visible().filter(parent_stage__in=list(stages))
        # A stage that was run anew has several; the newest is the one that it waited for.
        return dict(rows.order_by("uuid").values_list("parent_stage", "uuid"))

    def shared_of(self, tasks: Iterable[UUID]) -> dict[UUID, str]:
        return dict(Task.objects.using(self.alias).filter(uuid__in=list(tasks)).values_list("uuid", "shared"))

    def states_of(self, tasks: Iterable[UUID]) -> dict[UUID, tuple[State, datetime | None]]:
        rows = Task.objects.using(self.alias).filter(uuid__in=list(tasks))
        return {
            uuid: (State(state) if state in State.values else State.PAUSED, ended)
            for uuid, state, ended in rows.values_list("uuid", "state", "finished_at")
        }

    def counts_of(self, tasks: Iterable[UUID]) -> list[TaskCounts]:
        rows = Task.objects.using(self.alias).filter(uuid__in=list(tasks)).defer("shared", "options", "response")
        return [
            TaskCounts(row.uuid, row.title, row.total_count, row.finished_count, row.failed_count)
            for row in rows.order_by("depth", "uuid")
        ]

    def next_due(self) -> float | None:
        rows = Task.objects.using(self.alias).filter(node=self.node, due__isnull=False)
        rows = rows.filter(state__in=_MOVING)
        due: datetime | None = rows.order_by("due").values_list("due", flat=True).first()
        return None if due is None else max(0.0, (due - clock.now(self.alias)).total_seconds())

    def is_drained(self) -> bool:
        rows = Task.objects.using(self.alias).filter(node=self.node, active__in=[True])  # a list, as in to_close
        moving = Q(claimable=True) | Q(due__isnull=False) | Q(running_count__gt=0)
        ending = Q(finished_at__isnull=False)
        alive = rows.filter(state__in=_MOVING).filter(moving | ending)
        closing = to_close(self.alias, self.node).filter(state__in=_MOVING)
        # A promised task goes as long as its parent runs; after that it must be deleted.
        busy = rows.filter(state=State.PAUSED, running_count__gt=0)
        dead = rows.filter(state=State.PROMISED).filter(
            ~Q(parent_stage__state=State.RUNNING) | ~Q(parent_stage__token=F("token"))
        )
        return not (alive.exists() or closing.exists() or busy.exists() or dead.exists())

    def options_of_open(self, limit: int) -> list[TaskOptions]:
        rows = Task.objects.using(self.alias).visible().filter(node=self.node, active__in=[True])
        texts = set(rows.order_by().values_list("options", flat=True)[:limit].iterator())
        return [options for text in texts if (options := TaskOptions.readable(text)) is not None]

    def unapplied(self) -> NotMigrated | None:
        return unapplied(self.alias)
