"""The four storage interfaces of the seed, and the values that pass through them.

An implementation is named by a node's ``STORAGE``: a class made with the node's label and database alias that has
the four as attributes. Every method is one transaction, or several short ones where it says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from ..conf import config
from ..exceptions import NotMigrated
from ..options import TaskOptions
from ..outcomes import VerbResult
from ..purging import PurgeCursor, Purged, PurgeWish
from ..states import State
from .loading import load_storage
from .values import Claim, NewManager, NewTask, Parent, Recorded, StageMove, TaskCounts

if TYPE_CHECKING:
    from ..models import Task, TaskStage


class TaskQuery(Protocol):
    """Reads tasks."""

    def get(self, uuid: UUID) -> Task:
        """Return the task; raise TaskNotFound."""

    def existing(self, tasks: Sequence[UUID]) -> list[Task]:
        """Return those of these tasks that are there still, in this order."""

    def nested_of(self, stages: Iterable[UUID]) -> dict[UUID, UUID]:
        """Return the nested task of each stage that waited."""

    def shared_of(self, tasks: Iterable[UUID]) -> dict[UUID, str]:
        """Return the shared contexts as JSON text."""

    def states_of(self, tasks: Iterable[UUID]) -> dict[UUID, tuple[State, datetime | None]]:
        """Return state and end of each task that exists; PAUSED for a state that nobody knows."""

    def counts_of(self, tasks: Iterable[UUID]) -> list[TaskCounts]:
        """Return how far each task is."""

    def next_due(self) -> float | None:
        """Return the seconds until a task of the node has something to claim next; None for never."""

    def is_drained(self) -> bool:
        """Say whether nothing of the node could run without somebody's act."""

    def options_of_open(self, limit: int) -> Sequence[TaskOptions]:
        """Return the different options that up to ``limit`` open tasks have, and can be read."""

    def unapplied(self) -> NotMigrated | None:
        """Return the error that names the migrations which the tables lack, and what to run; None for none."""


class TaskCommand(Protocol):
    """Writes tasks."""

    def create(self, new: NewTask, stages: Iterable[tuple[str, str]]) -> Task:
        """Create a root from (handler, params) pairs, in the caller's transaction if there is one; raise TaskExists."""

    def promise(self, new: NewTask, stages: Iterable[tuple[str, str]], parent: Parent) -> Task:
        """Create a PROMISED nested task, in pieces; raise TokenLost when the parent's start is over."""

    def settle(self, limit: int) -> Recorded:
        """Take up a task that was stopped or cancelled: close up to ``limit`` of its stages, end it if none is open.

        ``unsettled`` says that there is more to do.
        """

    def discard_promised(self, limit: int) -> int:
        """Delete up to ``limit`` rows of PROMISED tasks that are dead; return how many."""

    def purge(self, limit: int, cursor: PurgeCursor, wish: PurgeWish) -> Purged:
        """Delete up to ``limit`` rows of trees that ended; a tree of more is hidden first, then deleted in pieces."""

    def pause(self, uuid: UUID, *, reason: str = "", by: Any = None) -> VerbResult: ...

    def resume(self, uuid: UUID, *, reason: str = "", by: Any = None) -> VerbResult: ...

    def cancel(self, uuid: UUID, *, reason: str = "", by: Any = None) -> VerbResult: ...

    def retry_failed(self, uuid: UUID, *, reason: str = "", by: Any = None) -> VerbResult: ...


class StageQuery(Protocol):
    """Reads stages."""

    def get(self, uuid: UUID) -> TaskStage:
        """Return the stage with its task; raise TaskNotFound."""

    def count(self, task: UUID, states: Iterable[State]) -> int:
        """Return how many stages of the task are in these states."""

    def page(self, task: UUID, states: Iterable[State], *, after: int = -1, limit: int = 1000) -> Sequence[TaskStage]:
        """Return up to ``limit`` stages in order, behind order ``after``; finally rows left out."""

    def at(self, task: UUID, states: Iterable[State], index: int) -> TaskStage:
        """Return the stage at ``index`` among these; raise IndexError."""

    def rehearsal(self, stage: TaskStage, token: UUID) -> Claim:
        """Return what a claim of the stage would be."""


class StageCommand(Protocol):
    """Claims and records stages, and keeps the managers that do."""

    def enlist(self, manager: NewManager) -> None:
        """Register a manager."""

    def beat(self, manager: UUID, running: int, recent: str = "") -> None:
        """Say that the manager lives, and what ended lately; raise ManagerLost when it was declared dead."""

    def dismiss(self, manager: UUID) -> None:
        """Register the manager's end."""

    def suspects(self) -> Sequence[tuple[UUID, str, int, str, str, bool]]:
        """Return (uuid, host, pid, process start, lock file, lease is over) of the managers not ended."""

    def declare_dead(self, managers: Iterable[UUID]) -> None:
        """Mark managers as dead: they can neither claim nor beat any more."""

    def rescue(self, limit: int, reported: Mapping[UUID, Collection[UUID]] | None = None) -> Recorded:
        """Return up to ``limit`` RUNNING stages that have no living manager to READY.

        It counts as a loss unless ``reported`` has its manager, and its token is not among the starts that
        were reported to it.
        """

    def return_strays(self, manager: UUID, known: Collection[UUID]) -> Recorded:
        """Return the manager's RUNNING stages whose tokens are not among these to READY; no attempt is spent."""

    def claim(self, manager: UUID, limit: int, root: UUID | None = None) -> list[Claim]:
        """Claim up to ``limit`` stages, only of this root's tree if one is given; raise ManagerLost."""

    def claim_one(self, manager: UUID, stage: UUID) -> Claim:
        """Claim this READY stage; raise TaskBusy when it may not start."""

    def record(self, moves: Sequence[StageMove], manager: UUID | None = None, room: int = 0) -> Recorded:
        """Record what became of starts, and settle what ends by it, in one transaction.

        It may claim up to ``room`` stages for the manager that come next in sequential tasks: they are in ``claims``.
        """

    def is_transient(self, error: Exception) -> bool:
        """Say whether the same transaction may succeed when it is done again (deadlock, lock, serialisation)."""

    def is_content(self, error: Exception) -> bool:
        """Say whether the database refused a value, so that the other rows of a batch may be written without it."""

    def checkpoint(self, stage: UUID, token: UUID, cursor: str) -> bool:
        """Keep the cursor; False when the stage is no longer the token's."""

    def progress(self, progress: Mapping[UUID, tuple[UUID, str]]) -> None:
        """Keep how far stages are: stage to (token, JSON text)."""


class Storage(Protocol):
    """What a node's STORAGE must provide."""

    task_query: TaskQuery
    task_command: TaskCommand
    stage_query: StageQuery
    stage_command: StageCommand


@lru_cache(maxsize=256)
def _storage(path: str, node: str, database: str) -> Storage:
    made: Storage = load_storage(path, node, database, Storage)
    return made


def storage(node: str) -> Storage:
    """Return the storage of the node with this label; raise NodeNotConfigured or ImproperlyConfigured."""
    settings = config().node(node)
    return _storage(settings.storage, node, settings.database)


def command(node: str) -> TaskCommand:
    """Return the TaskCommand of the node with this label."""
    return storage(node).task_command
