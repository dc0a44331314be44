"""The values that pass through the storage interfaces.

Those that are made for every stage are structs, which take a tenth of the time of a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from ..messages import PreviousData
from ..states import State

if TYPE_CHECKING:
    from ..models import StageAttempt, Task


@dataclass(frozen=True)
class NewTask:
    """A task to be created; ``delay`` is seconds from now by the database's clock."""

    title: str
    #: Asked for the stored options (JSON text) once all stages were read.
    options: Callable[[], str]
    shared: str = ""
    queue: str = ""
    parallel: bool = False
    max_parallel: int | None = None
    on_error: str = "STOP"
    #: An int, or a string like "50%".
    max_failures: int | str | None = None
    priority: int | None = None
    delay: float | None = None
    run_after: datetime | None = None
    #: None for no uniqueness, "" for the checksum of the content.
    unique_key: str | None = None
    created_by: str = ""


@dataclass(frozen=True)
class Parent:
    """The stage that builds a nested task: its row and the token of its running attempt."""

    task: UUID
    stage: UUID
    token: UUID


class Claim(msgspec.Struct, frozen=True):
    """A stage claimed for one start."""

    task: UUID
    root: UUID
    depth: int
    stage: UUID
    order: int
    is_finally: bool
    handler: str
    params: str
    token: UUID
    attempt: int
    #: Attempts of the present budget, this one included.
    spent: int
    lost: int
    cursor: str
    options: str
    #: Another stage of its task begins when this one has ended.
    is_followed: bool = False
    previous: PreviousData | None = None


class StageMove(msgspec.Struct, frozen=True):
    """What became of one start: the move of its stage, fenced by its token."""

    task: UUID
    stage: UUID
    token: UUID
    #: SUCCESS, ERROR, SKIPPED, CANCELED; READY (again); WAITING (for ``nested``); PAUSED (with its task).
    state: State
    message: str = ""
    response: str = ""
    response_type: str = ""
    error_class: str = ""
    error_message: str = ""
    traceback: str = ""
    nested: UUID | None = None
    #: Seconds until a stage that is READY again is due.
    delay: float = 0.0
    #: The start spends no attempt.
    is_refunded: bool = False
    is_lost: bool = False
    #: The whole task is cancelled.
    cancels_task: bool = False
    #: Another stage of its task begins when this one has ended.
    is_followed: bool = False
    #: Its task has none above it.
    is_of_root: bool = False
    duration: float | None = None
    cpu: float | None = None
    max_rss: int | None = None
    #: The post-mortem, where the start did not succeed (no stage, no times: the storage fills them in).
    attempt: StageAttempt | None = None


@dataclass
class Recorded:
    """What a record did."""

    #: Tokens whose stage was no longer theirs.
    refused: set[UUID] = field(default_factory=set)
    #: Tasks that ended.
    ended: list[Task] = field(default_factory=list)
    #: Something became claimable.
    wakes: bool = False
    #: Stages that were claimed by the same transaction, because they come next.
    claims: list[Claim] = field(default_factory=list)
    #: Something is left for ``TaskCommand.settle``.
    unsettled: bool = False

    def merge(self, other: Recorded) -> None:
        self.refused |= other.refused
        self.ended += other.ended
        self.wakes |= other.wakes
        self.claims += other.claims
        self.unsettled |= other.unsettled


@dataclass(frozen=True)
class TaskCounts:
    """How far a task is: its stages in all, ended, and failed."""

    task: UUID
    title: str
    total: int
    finished: int
    failed: int


@dataclass(frozen=True)
class NewManager:
    """A manager that registers."""

    uuid: UUID
    host: str
    pid: int
    process_started: str
    lock_file: str
    executor: str
    queue_size: int
    version: str
