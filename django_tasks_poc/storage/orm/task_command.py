"""Writes of tasks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from ...models import Task
from ...outcomes import VerbResult
from ...purging import PurgeCursor, Purged, PurgeWish
from ..values import NewTask, Parent, Recorded
from . import build, sweep, verbs
from .purge import Purge
from .schema import explained
from .transient import retried


class OrmTaskCommand:
    """TaskCommand on Django's models."""

    def __init__(self, node: str, alias: str) -> None:
        self.node = node
        self.alias = alias

    @explained
    def create(self, new: NewTask, stages: Iterable[tuple[str, str]]) -> Task:
        return build.create(self.alias, self.node, new, stages)

    @explained
    def promise(self, new: NewTask, stages: Iterable[tuple[str, str]], parent: Parent) -> Task:
        return build.promise(self.alias, self.node, new, stages, parent)

    @retried
    def settle(self, limit: int) -> Recorded:
        return sweep.settle_one(self.alias, self.node, limit)

    @retried
    def discard_promised(self, limit: int) -> int:
        return sweep.discard_promised(self.alias, self.node, limit)

    @retried
    def purge(self, limit: int, cursor: PurgeCursor, wish: PurgeWish) -> Purged:
        return Purge(self.alias, self.node, limit, wish).piece(cursor)

    @retried
    def pause(self, uuid: UUID, *, reason: str = "", by: Any = None) -> VerbResult:
        return verbs.pause(self.alias, uuid, reason, by)

    @retried
    def resume(self, uuid: UUID, *, reason: str = "", by: Any = None) -> VerbResult:
        return verbs.resume(self.alias, uuid, reason, by)

    @retried
    def cancel(self, uuid: UUID, *, reason: str = "", by: Any = None) -> VerbResult:
        return verbs.cancel(self.alias, uuid, reason, by)

    @retried
    def retry_failed(self, uuid: UUID, *, reason: str = "", by: Any = None) -> VerbResult:
        return verbs.retry_failed(self.alias, uuid, reason, by)
