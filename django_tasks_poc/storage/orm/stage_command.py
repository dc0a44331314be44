"""Claims and records of stages, and the managers that do them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from ...models import TaskStage
from ...states import State
from ..values import Claim, NewManager, Recorded, StageMove
from . import claim, managers, record
from .bulk import update_matching
from .locks import single_write
from .transient import is_content, is_transient, retried


class OrmStageCommand:
    """StageCommand on Django's models."""

    def __init__(self, node: str, alias: str) -> None:
        self.node = node
        self.alias = alias

    @retried
    def enlist(self, manager: NewManager) -> None:
        managers.enlist(self.alias, self.node, manager)

    @retried
    def beat(self, manager: UUID, running: int, recent: str = "") -> None:
        managers.beat(self.alias, manager, running, recent)

    @retried
    def dismiss(self, manager: UUID) -> None:
        managers.bury(self.alias, [manager])

    @retried
    def suspects(self) -> Sequence[tuple[UUID, str, int, str, str, bool]]:
        return managers.suspects(self.alias, self.node)

    @retried
    def declare_dead(self, lost: Iterable[UUID]) -> None:
        managers.bury(self.alias, lost)

    @retried
    def rescue(self, limit: int, reported: Mapping[UUID, Collection[UUID]] | None = None) -> Recorded:
        return managers.rescue(self.alias, self.node, limit, reported or {})

    @retried
    def return_strays(self, manager: UUID, known: Collection[UUID]) -> Recorded:
        return managers.return_strays(self.alias, manager, known)

    @retried
    def claim(self, manager: UUID, limit: int, root: UUID | None = None) -> list[Claim]:
        return claim.claim(self.alias, self.node, manager, limit, root)

    @retried
    def claim_one(self, manager: UUID, stage: UUID) -> Claim:
        return claim.claim_one(self.alias, manager, stage)

    @retried
    def record(self, moves: Sequence[StageMove], manager: UUID | None = None, room: int = 0) -> Recorded:
        return record.record(self.alias, moves, manager, room)

    def is_transient(self, error: Exception) -> bool:
        return is_transient(error)

    def is_content(self, error: Exception) -> bool:
        return is_content(error)

    @retried
    def checkpoint(self, stage: UUID, token: UUID, cursor: str) -> bool:
        rows = TaskStage.objects.using(self.alias).filter(uuid=stage, state=State.RUNNING, token=token)
        with single_write(self.alias):
            return bool(rows.update(cursor=cursor))

    @retried
    def progress(self, progress: Mapping[UUID, tuple[UUID, str]]) -> None:
        rows = [(stage, token, text) for stage, (token, text) in sorted(progress.items())]
        with single_write(self.alias):
            update_matching(self.alias, TaskStage, ("progress",), rows, guards=("token",))
