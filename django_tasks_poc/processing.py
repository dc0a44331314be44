"""Why a stage starts and what follows from its end: the manager's work on the database, in plain sync code."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from uuid import UUID

import msgspec

from .conf import config
from .exceptions import NotMigrated, UnreadableRow
from .lifecycle import Cause, Ending, bury_the_dead, decide, record
from .messages import Request
from .models import Task, TaskStage
from .node import EntityNode
from .options import TaskOptions
from .purging import PurgeCursor, Purged, PurgeWish
from .states import State
from .storage.values import Claim, NewManager, Recorded, StageMove, TaskCounts

#: Rows closed, deleted or rescued by one transaction.
PIECE = 5000
#: Rows purged by one transaction of a manager: few, since claims wait meanwhile.
PURGED = 500
#: Shared contexts kept at hand.
_SHARED = 64

#: Claims with their requests, and the ends of those that cannot begin.
Claimed = tuple[list[tuple[Claim, Request]], list[Ending]]


class Processing:
    """One manager's view of its node. Used from one thread."""

    def __init__(self, node: EntityNode, manager: UUID, *, timeout: float | None = None) -> None:
        self.node = node
        self.manager = manager
        self._timeout = node.config.timeout if timeout is None else timeout
        self._shared: OrderedDict[UUID, str] = OrderedDict()
        #: Of managers that died on this host, the starts that were reported to them.
        self._reported: dict[UUID, Collection[UUID]] = {}

    def unapplied(self) -> NotMigrated | None:
        """Return what the tables lack."""
        return self.node.task_query.unapplied()

    # The manager's own row.

    def enlist(self, manager: NewManager) -> None:
        self.node.stage_command.enlist(manager)

    def beat(self, running: int, recent: str = "") -> None:
        self.node.stage_command.beat(self.manager, running, recent)

    def dismiss(self) -> None:
        self.node.stage_command.dismiss(self.manager)

    # Starts.

    def claim(self, limit: int, root: UUID | None = None) -> Claimed:
        """Claim up to ``limit`` stages, each with the request that its process needs; of one root's tree, or of all.

        Return also the ends of those that cannot begin, because what their rows hold cannot be read.
        """
        claims = self.node.stage_command.claim(self.manager, limit, root)
        return self._requests(claims)

    def claim_one(self, stage: UUID) -> tuple[Claim, Request]:
        """Claim one stage by name; raise UnreadableRow when that was its end."""
        pairs, unreadable = self._requests([self.node.stage_command.claim_one(self.manager, stage)])
        if unreadable:
            self.record(unreadable)
            raise UnreadableRow(unreadable[0].why)
        return pairs[0]

    def rehearsal(self, stage: TaskStage, token: UUID) -> tuple[Request, bool]:
        """Return the request of a stage that is run without having been claimed, and whether it is atomic."""
        claim = self.node.stage_query.rehearsal(stage, token)
        request = self._request(claim, TaskOptions.loads(claim.options), self._shared_of({claim.task})[claim.task])
        # An atomic one would need its token to commit: its transaction is the caller's.
        return msgspec.structs.replace(request, atomic=False), request.atomic

    def return_strays(self, known: Collection[UUID]) -> Recorded:
        """Return this manager's claims of which it does not know."""
        return self.node.stage_command.return_strays(self.manager, known)

    def next_due(self) -> float | None:
        return self.node.task_query.next_due()

    def _requests(self, claims: list[Claim]) -> Claimed:
        options: dict[str, TaskOptions] = {}
        readable, unreadable = [], []
        for claim in claims:
            try:
                if claim.options not in options:
                    options[claim.options] = TaskOptions.loads(claim.options)
                readable.append((claim, options[claim.options]))
            except UnreadableRow as error:
                unreadable.append(Ending(claim, cause=Cause.UNREADABLE, why=str(error)))
        shared = self._shared_of({claim.task for claim, stored in readable if stored.has_shared})
        pairs = [(claim, self._request(claim, stored, shared.get(claim.task, ""))) for claim, stored in readable]
        return pairs, unreadable

    def _request(self, claim: Claim, options: TaskOptions, shared: str) -> Request:
        timeout = options.timeout_of(claim.handler)
        return Request(
            task=claim.task, stage=claim.stage, token=claim.token, node=self.node.label, handler=claim.handler,
            params=claim.params, shared=shared, is_finally=claim.is_finally, atomic=options.is_atomic(claim.handler),
            attempt=claim.attempt, timeout=self._timeout if timeout is None else timeout,
            max_response_size=config().max_response_size, cursor=claim.cursor,
            retry_on=options.retry_of(claim.handler, is_finally=claim.is_finally).on, previous=claim.previous,
        )  # fmt: skip

    def _shared_of(self, tasks: set[UUID]) -> dict[UUID, str]:
        """Return shared contexts; a fan-out's is read once, not once a claim."""
        if missing := tasks - self._shared.keys():
            self._shared.update(self.node.task_query.shared_of(missing))
        found = {task: self._shared.get(task, "") for task in tasks}
        for task in tasks & self._shared.keys():
            self._shared.move_to_end(task)
        while len(self._shared) > _SHARED:
            self._shared.popitem(last=False)
        return found

    # Ends.

    def record(self, endings: Sequence[Ending]) -> tuple[Recorded, list[StageMove]]:
        """Record a batch of ends and what follows from them; return also how each was decided."""
        moves = [decide(ending) for ending in endings]
        return record(self.node.stage_command, moves), moves

    def record_and_claim(self, endings: Sequence[Ending], room: int) -> tuple[Recorded, list[StageMove], Claimed]:
        """Do the same, and claim up to ``room`` stages that come next."""
        moves = [decide(ending) for ending in endings]
        recorded = record(self.node.stage_command, moves, self.manager, room)
        return recorded, moves, self._requests(recorded.claims)

    def tasks(self, uuids: Sequence[UUID]) -> list[Task]:
        """Return tasks that a stage's own process ended, but for those that were purged since."""
        return self.node.task_query.existing(uuids)

    def checkpoint(self, stage: UUID, token: UUID, cursor: str) -> bool:
        return self.node.stage_command.checkpoint(stage, token, cursor)

    def progress(self, progress: dict[UUID, tuple[UUID, str]]) -> None:
        self.node.stage_command.progress(progress)

    # What is left by stops, cancels and crashes; each call is one piece.

    def settle(self) -> Recorded:
        return self.node.task_command.settle(PIECE)

    def discard_promised(self) -> int:
        return self.node.task_command.discard_promised(PIECE)

    def purge(self, cursor: PurgeCursor) -> Purged:
        """Delete a small piece of what ended longer ago than PURGE_AFTER, and of what a killed purge left half."""
        return self.node.task_command.purge(PURGED, cursor, PurgeWish(config().purge_after))

    def rescue(self, kill_rest: Callable[[str], Sequence[int]] | None = None) -> tuple[Recorded, bool]:
        """Return the stages of managers that are gone; say whether one is dying still.

        ``kill_rest`` kills, by its uuid, what a manager has left running on this host.
        """
        # On SQLite a beat may wait for the writer lock: being late proves nothing there.
        kills_late = self.node.vendor != "sqlite"
        dying, reported = bury_the_dead(
            self.node.stage_command, self.manager, kills_late=kills_late, kill_rest=kill_rest
        )
        self._reported |= reported
        recorded = self.node.stage_command.rescue(PIECE, self._reported)
        if not recorded.wakes:
            self._reported.clear()
        return recorded, dying

    def stopped(self, tasks: set[UUID]) -> dict[UUID, State]:
        """Return those of these tasks of which nothing more may begin, with their state; a purged one is CANCELED."""
        states = self.node.task_query.states_of(tasks)
        found = {task: states[task][0] if task in states else State.CANCELED for task in tasks}
        return {task: state for task, state in found.items() if state in (State.PAUSED, State.CANCELED)}

    def counts(self, tasks: set[UUID]) -> list[TaskCounts]:
        """Return how far these tasks are."""
        return self.node.task_query.counts_of(tasks)

    def is_drained(self) -> bool:
        return self.node.task_query.is_drained()
