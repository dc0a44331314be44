"""Deleting rows of trees, from the leaves up, up to a number of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import Model

from ...models import Kind, StageAttempt, Task, TaskEvent, TaskStage
from .references import delete


class Deletion:
    """One transaction's deletion of at most ``limit`` rows of trees that are locked.

    Foreign keys between our tables are met by the order: the deepest tasks first, of a task its failed starts, then its
    stages. What is read costs no more than what is deleted.
    """

    def __init__(self, alias: str, limit: int) -> None:
        self._alias = alias
        self._left = limit
        #: How many stages were deleted, finally rows aside.
        self.stages = 0

    def run(self, roots: Sequence[UUID]) -> bool:
        """Delete; say whether the trees are gone, roots and all."""
        tasks = Task.objects.using(self._alias).filter(root__in=roots).order_by("-depth", "uuid")
        found = list(tasks.values_list("depth", "uuid")[: self._left + 1])
        return all(self._level([uuid for _, uuid in level]) for _, level in groupby(found, key=lambda task: task[0]))

    def _level(self, tasks: list[UUID]) -> bool:
        """Delete tasks of one depth, below which nothing is left; say whether all are gone."""
        stages = TaskStage.objects.using(self._alias).filter(task__in=tasks).order_by("task", "order")
        found = list(stages.values_list("uuid", "kind")[: self._left + 1])
        attempts = StageAttempt.objects.using(self._alias).filter(stage__in=[uuid for uuid, _ in found]).order_by()
        if not self._delete(StageAttempt, self._keys(attempts)):
            return False
        self.stages += sum(kind == Kind.STAGE for _, kind in found[: self._left])
        if not self._delete(TaskStage, [uuid for uuid, _ in found]):
            return False
        events = TaskEvent.objects.using(self._alias).filter(task__in=tasks).order_by()
        return self._delete(TaskEvent, self._keys(events)) and self._delete(Task, tasks)

    def _keys(self, rows: Any) -> list[UUID]:
        return list(rows.values_list("uuid", flat=True)[: self._left + 1])

    def _delete(self, model: type[Model], keys: list[UUID]) -> bool:
        """Delete rows as long as some may be deleted; say whether these were all."""
        if fitting := keys[: self._left]:
            delete(self._alias, model._default_manager.using(self._alias).filter(pk__in=fitting))
        self._left -= len(fitting)
        return len(fitting) == len(keys)
