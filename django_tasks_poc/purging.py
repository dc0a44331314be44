"""What is to be purged, how far it is, and what was done: values that pass through ``TaskCommand.purge``."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from .states import FINAL, State


@dataclass(frozen=True)
class PurgeWish:
    """Which trees are to be deleted: those whose root ended more than ``older_than`` seconds ago, in one of ``states``.

    Nothing of a tree may be open or active. Trees that an earlier purge has begun are finished in any case, and nothing
    else is done when ``older_than`` is None. ``is_trial``: nothing is deleted; the answers tell what would be.
    ``only``: just these trees, by their roots, and none that an earlier purge has begun.
    """

    older_than: float | None
    states: Set[State] = FINAL
    is_trial: bool = False
    only: frozenset[UUID] | None = None


@dataclass(frozen=True)
class PurgeCursor:
    """How far a purge has come; one without values begins."""

    #: The last root that was looked at: when it was created, and its uuid.
    created_at: datetime | None = None
    uuid: UUID | None = None
    #: The tree that is deleted in pieces now.
    tree: UUID | None = None
    #: Trees that are half deleted, and that another process has at hand or that cannot be deleted further now.
    left: frozenset[UUID] = frozenset()


@dataclass(frozen=True)
class Kept:
    """A tree that was not purged, for a reason of the project's own: most often a foreign key that protects it."""

    task: UUID
    title: str
    reason: str


@dataclass(frozen=True)
class Purged:
    """What one piece of a purge did: trees and stages that are gone (finally rows aside), trees that were kept."""

    trees: int = 0
    stages: int = 0
    kept: tuple[Kept, ...] = ()
    #: Where to go on; None when the purge is over.
    next: PurgeCursor | None = None


def words(trees: int, stages: int, verb: str = "Purged") -> str:
    """Say what was done: Purged 12 tasks with 3,400 stages."""
    tasks = f"{trees:,} {'task' if trees == 1 else 'tasks'}"
    return f"{verb} {tasks} with {stages:,} {'stage' if stages == 1 else 'stages'}."
