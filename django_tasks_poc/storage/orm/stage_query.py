"""Reads of stages, in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from ...exceptions import TaskNotFound
from ...models import TaskStage
from ...models.stage import StageQuerySet
from ...states import State
from ..values import Claim
from . import starts
from .schema import explained


class OrmStageQuery:
    """StageQuery on Django's models."""

    def __init__(self, node: str, alias: str) -> None:
        self.node = node
        self.alias = alias

    @explained
    def get(self, uuid: UUID) -> TaskStage:
        stage = (
            TaskStage.objects.using(self.alias).select_related("task").filter(uuid=uuid, task__purging=False).first()
        )
        if stage is None:
            raise TaskNotFound(f"No stage {uuid} on node {self.node}.")
        return stage

    def count(self, task: UUID, states: Iterable[State]) -> int:
        return self._rows(task, states).count()

    def page(self, task: UUID, states: Iterable[State], *, after: int = -1, limit: int = 1000) -> Sequence[TaskStage]:
        return list(self._rows(task, states).filter(order__gt=after).order_by("order")[:limit])

    def at(self, task: UUID, states: Iterable[State], index: int) -> TaskStage:
        stage = self._rows(task, states).order_by("order")[index : index + 1].first()
        if stage is None:
            raise IndexError(index)
        return stage

    def rehearsal(self, stage: TaskStage, token: UUID) -> Claim:
        return starts.rehearsal(self.alias, stage, token)

    def _rows(self, task: UUID, states: Iterable[State]) -> StageQuerySet:
        rows = TaskStage.objects.using(self.alias).steps().filter(task=task)
        wanted = set(states)
        return rows if wanted == set(State) else rows.filter(state__in=wanted)
