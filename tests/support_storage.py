"""Drive a node's storage by hand: what a manager and its stage processes would say to it, one call at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db.models import F

from django_tasks_poc import State
from django_tasks_poc.models import AttemptOutcome, ManagerProcess, StageAttempt, Task, TaskStage
from django_tasks_poc.node import nodes
from django_tasks_poc.options import FinallySpec, TaskOptions
from django_tasks_poc.purging import PurgeCursor, Purged, PurgeWish
from django_tasks_poc.storage.values import Claim, NewManager, NewTask, Parent, Recorded, StageMove

HANDLER = "tests.handlers.Noop"
GOODBYE = FinallySpec("tests.handlers.Goodbye", "{}")


class Store:
    """The four interfaces of the default node, and a living manager to claim with."""

    def __init__(self) -> None:
        node = nodes["default"]
        self.task_query, self.task_command = node.task_query, node.task_command
        self.stage_query, self.stage_command = node.stage_query, node.stage_command
        self.manager = self.enlist()

    def enlist(self, **facts: Any) -> UUID:
        """Register one more manager."""
        manager = NewManager(uuid4(), "a host", 1, "its start", "", "inline", 10, "test")
        manager = dataclasses.replace(manager, **facts)
        self.stage_command.enlist(manager)
        return manager.uuid

    # Build.

    def root(self, stages: int = 1, *, with_finally: bool = False, **options: Any) -> Task:
        """Create a root task; sequential unless told otherwise."""
        return self.task_command.create(_new(with_finally, options), [(HANDLER, "{}")] * stages)

    def promise(
        self, parent: Claim, stages: int | Iterable[tuple[str, str]] = 1, *, with_finally: bool = False, **options: Any
    ) -> Task:
        """Build a nested task as the running stage would; parallel unless told otherwise."""
        options = {"parallel": True, "on_error": "CONTINUE"} | options
        above = Parent(parent.task, parent.stage, parent.token)
        rows = [(HANDLER, "{}")] * stages if isinstance(stages, int) else stages
        return self.task_command.promise(_new(with_finally, options), rows, above)

    def wait(self, parent: Claim, stages: int = 1, **options: Any) -> Task:
        """Build a nested task and let the running stage wait for it."""
        nested = self.promise(parent, stages, **options)
        recorded = self.record(waits(parent, nested))
        assert not recorded.refused
        return fresh(nested)

    def chain(self, depth: int, stages: int = 1, **options: Any) -> list[Task]:
        """Build a root of one stage, and below it nested tasks down to ``depth``; the deepest has ``stages``."""
        tasks = [self.root(1)]
        for level in range(1, depth + 1):
            (claim,) = self.claim(1)
            tasks.append(self.wait(claim, stages if level == depth else 1, **(options if level == depth else {})))
        return [fresh(task) for task in tasks]

    # Starts and ends.

    def claim(self, limit: int = 100, manager: UUID | None = None) -> list[Claim]:
        return self.stage_command.claim(manager or self.manager, limit)

    def claim_of(self, task: Task, limit: int = 100) -> list[Claim]:
        """Claim what there is, all of which must be of this task."""
        claims = self.claim(limit)
        assert {claim.task for claim in claims} <= {task.uuid}
        return claims

    def record(self, *moves: StageMove) -> Recorded:
        return self.stage_command.record(moves)

    def settle(self, piece: int = 5000) -> int:
        """Do what is left to be done in pieces; return how many pieces there were."""
        pieces = 0
        while self.task_command.settle(piece).unsettled:
            pieces += 1
        return pieces

    def discard(self, piece: int = 5000) -> int:
        pieces = 0
        while self.task_command.discard_promised(piece):
            pieces += 1
        return pieces

    def purge(self, older_than: float | None = 0, piece: int = 5000, **wish: Any) -> list[Purged]:
        """Purge what ended, in pieces; return what each of them did."""
        cursor: PurgeCursor | None = PurgeCursor()
        pieces = []
        while cursor is not None:
            pieces.append(self.task_command.purge(piece, cursor, PurgeWish(older_than, **wish)))
            cursor = pieces[-1].next
        return pieces

    def drain(self, decide: Callable[[Claim], StageMove] | None = None) -> list[Claim]:
        """Run all that there is to run now; return the starts in order."""
        starts: list[Claim] = []
        while claims := self.claim():
            starts += claims
            self.record(*[(decide or success)(claim) for claim in claims])
            self.settle()
        return starts


def _new(with_finally: bool, options: dict[str, Any]) -> NewTask:
    stored = TaskOptions(finally_=GOODBYE if with_finally else None).dumps()
    return NewTask(title=options.pop("title", "a task"), options=lambda: stored, **options)


# What a start may come to.


def success(claim: Claim, message: str = "", response: str = "") -> StageMove:
    return StageMove(claim.task, claim.stage, claim.token, State.SUCCESS, message, response)


def error(claim: Claim, message: str = "it failed") -> StageMove:
    attempt = StageAttempt(outcome=AttemptOutcome.ERROR, message=message)
    return StageMove(
        claim.task, claim.stage, claim.token, State.ERROR, message, error_message=message, attempt=attempt
    )  # fmt: skip


def skip(claim: Claim) -> StageMove:
    return StageMove(claim.task, claim.stage, claim.token, State.SKIPPED, "nothing to do")


def retry(claim: Claim, delay: float = 0.0) -> StageMove:
    attempt = StageAttempt(outcome=AttemptOutcome.ERROR, message="it failed")
    return StageMove(claim.task, claim.stage, claim.token, State.READY, "it failed", delay=delay, attempt=attempt)


def later(claim: Claim, delay: float = 0.0) -> StageMove:
    return StageMove(claim.task, claim.stage, claim.token, State.READY, "later", delay=delay, is_refunded=True)


def pauses(claim: Claim, reason: str = "look at this") -> StageMove:
    return StageMove(claim.task, claim.stage, claim.token, State.PAUSED, reason, is_refunded=True)


def cancels(claim: Claim, reason: str = "not needed") -> StageMove:
    return StageMove(claim.task, claim.stage, claim.token, State.CANCELED, reason, cancels_task=True)


def stopped(claim: Claim) -> StageMove:
    """Its process was stopped because its task was cancelled."""
    attempt = StageAttempt(outcome=AttemptOutcome.CANCELED, message="stopped")
    return StageMove(claim.task, claim.stage, claim.token, State.CANCELED, "stopped", attempt=attempt)


def waits(claim: Claim, nested: Task | UUID | None) -> StageMove:
    uuid = nested.uuid if isinstance(nested, Task) else nested
    return StageMove(claim.task, claim.stage, claim.token, State.WAITING, nested=uuid)


# What the rows say.


def fresh(task: Task) -> Task:
    return Task.objects.get(uuid=task.uuid)


def state(task: Task) -> str:
    return fresh(task).state


def states(task: Task) -> list[str]:
    """Return the states of the task's stages, in order; a finally stage included."""
    return list(TaskStage.objects.filter(task=task).order_by("order").values_list("state", flat=True))


def stage(task: Task, order: int = 0) -> TaskStage:
    return TaskStage.objects.get(task=task, order=order)


def let_pass(seconds: float) -> None:
    """Let time pass: every moment that the rows hold moves into the past."""
    step = timedelta(seconds=seconds)
    Task.objects.filter(due__isnull=False).update(due=F("due") - step)
    TaskStage.objects.filter(due__isnull=False).update(due=F("due") - step)
    ManagerProcess.objects.update(beat_at=F("beat_at") - step)


def grow_old(seconds: float) -> None:
    """Let every task be older: built earlier, and ended earlier if it has."""
    step = timedelta(seconds=seconds)
    Task.objects.update(created_at=F("created_at") - step, finished_at=F("finished_at") - step)
