"""Managers: who lives, and the stages of those who do not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from ...conf import config
from ...models import AttemptOutcome, ManagerProcess, StageAttempt, TaskStage
from ...options import MAX_LOST
from ...states import State
from ..values import NewManager, Recorded, StageMove
from . import clock
from .claim import lock_manager
from .locks import single_write, writing
from .record import record


def enlist(alias: str, node: str, manager: NewManager) -> None:
    """Register a manager; once more where the answer to the first try was lost."""
    now = clock.now(alias)
    row = ManagerProcess(
        uuid=manager.uuid, node=node, host=manager.host, pid=manager.pid, process_started=manager.process_started,
        lock_file=manager.lock_file, executor=manager.executor, queue_size=manager.queue_size,
        version=manager.version, started_at=now, beat_at=now,
    )  # fmt: skip
    with single_write(alias):
        ManagerProcess.objects.using(alias).bulk_create([row], ignore_conflicts=True)


def beat(alias: str, manager: UUID, running: int, recent: str) -> None:
    """Renew the manager's lease; raise ManagerLost when it was declared dead."""
    with writing(alias):
        lock_manager(alias, manager)
        row = ManagerProcess.objects.using(alias).filter(uuid=manager)
        row.update(beat_at=clock.now(alias), running=running, recent=recent)


def bury(alias: str, managers: Iterable[UUID]) -> None:
    """Mark managers as ended: they can neither claim nor beat any more."""
    with writing(alias):
        rows = ManagerProcess.objects.using(alias).filter(uuid__in=list(managers), stopped_at__isnull=True)
        rows.update(stopped_at=clock.now(alias), running=0)


def suspects(alias: str, node: str) -> Sequence[tuple[UUID, str, int, str, str, bool]]:
    """Return the managers of the node that are not ended, and whether the lease of each is over."""
    limit = clock.now(alias) - timedelta(seconds=config().lease)
    rows = ManagerProcess.objects.using(alias).filter(node=node, stopped_at__isnull=True)
    return [(row.uuid, row.host, row.pid, row.process_started, row.lock_file, row.beat_at < limit) for row in rows]


def rescue(alias: str, node: str, limit: int, reported: Mapping[UUID, Collection[UUID]]) -> Recorded:
    """Return RUNNING stages without a living manager to READY, through the ordinary record."""
    stages = TaskStage.objects.using(alias).filter(manager__isnull=False)
    # Those first: who has a stage was registered before. It is asked all the time, and is almost always the whole.
    found_in = stages.order_by().values_list("manager", flat=True).distinct()
    managers = {manager for manager in found_in if manager is not None}
    living = ManagerProcess.objects.using(alias).filter(uuid__in=managers, stopped_at__isnull=True)
    if not (dead := managers.difference(living.values_list("uuid", flat=True))):
        return Recorded()
    # A RUNNING stage without a token, or in a task of an unknown state, was changed by hand, and is left alone.
    rows = stages.filter(manager__in=dead, state=State.RUNNING, token__isnull=False)
    rows = rows.filter(task__node=node, task__state__in=State).order_by("uuid")
    found = list(rows.only("task", "token", "lost", "manager")[:limit])
    if not found:
        return Recorded()
    gone = ManagerProcess.objects.using(alias).filter(uuid__in={stage.manager for stage in found})
    hosts = dict(gone.values_list("uuid", "host"))
    return record(alias, [_lost(stage, hosts, reported) for stage in found])


def return_strays(alias: str, manager: UUID, known: Collection[UUID]) -> Recorded:
    """Return the RUNNING stages of a living manager that it does not know of."""
    rows = TaskStage.objects.using(alias).filter(manager=manager, state=State.RUNNING).only("task", "token")
    moves = [
        StageMove(row.task_id, row.uuid, row.token, State.READY, is_refunded=True)
        for row in rows
        if row.token is not None and row.token not in known
    ]
    return record(alias, moves) if moves else Recorded()


def _lost(stage: TaskStage, hosts: Mapping[UUID, str], reported: Mapping[UUID, Collection[UUID]]) -> StageMove:
    assert stage.token is not None  # it is RUNNING
    assert stage.manager is not None
    starts = reported.get(stage.manager)
    counts = starts is None or stage.token in starts
    state, message = State.READY, "Its manager was lost; the stage starts again."
    if not counts:
        message = "Its manager was lost before it was told of the start; the stage starts again."
    elif stage.lost >= MAX_LOST:
        state, message = State.ERROR, f"Its manager was lost {stage.lost + 1} times while it ran."
    attempt = StageAttempt(
        outcome=AttemptOutcome.LOST, message=message, manager=stage.manager, host=hosts.get(stage.manager, "")
    )
    return StageMove(
        stage.task_id, stage.uuid, stage.token, state, message=message,
        error_message=message if state == State.ERROR else "", is_refunded=True, is_lost=counts,
        attempt=attempt,
    )  # fmt: skip
