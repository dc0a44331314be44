"""Whether the work of a node goes on: its managers, what waits for a process, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError
from django.db.models import Case, F, Min, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce

from .exceptions import TaskError
from .lifecycle import Life, life
from .models import ManagerProcess, Task, TaskStage
from .node import nodes
from .states import State
from .storage.orm import clock
from .storage.orm.schema import not_migrated
from .texts import about


@dataclass(frozen=True)
class NodeHealth:
    """How a node is.

    ``backlog`` counts the stages that could run now and wait for a process, ``oldest`` is for how many seconds the one
    in front has waited; None where nothing waits. ``reasons`` say why it is not healthy.
    """

    node: str
    managers: int = 0
    running: int = 0
    backlog: int = 0
    oldest: float | None = None
    reasons: tuple[str, ...] = ()

    @property
    def is_healthy(self) -> bool:
        return not self.reasons


def health_of(label: str, max_age: float | None = None, max_backlog: int | None = None) -> NodeHealth:
    """Return how the node is; raise NodeNotConfigured. What its database says against it is a reason."""
    alias = nodes[label].database
    try:
        found = _look(label, alias)
    except TaskError as error:
        return NodeHealth(label, reasons=(str(error),))
    except DatabaseError as error:
        known = not_migrated(alias, error)
        return NodeHealth(label, reasons=(str(known) if known else f"Database {alias!r} fails: {error}".strip(),))
    reasons = tuple(_reasons(found, max_age, max_backlog))
    return NodeHealth(label, found.managers, found.running, found.backlog, found.oldest, reasons)


def _look(label: str, alias: str) -> NodeHealth:
    now = clock.now(alias)
    rows = ManagerProcess.objects.using(alias).filter(node=label, stopped_at__isnull=True).order_by("-beat_at")
    managers = sum(life(row, now) in (Life.ALIVE, Life.LATE) for row in rows[:1000])
    tasks = Task.objects.using(alias).filter(
        node=label, active__in=[True]
    )  # a list: SQLite finds no index for a bare one
    running = tasks.aggregate(sum=Sum("running_count"))["sum"] or 0
    waiting = tasks.exclude(state__in=(State.PAUSED, State.PROMISED)).filter(Q(claimable=True) | Q(due__lte=now))
    totals = _measured(waiting, alias).aggregate(count=Sum("mine"), first=Min("since"))
    oldest = None if totals["first"] is None else max(0.0, (now - totals["first"]).total_seconds())
    return NodeHealth(label, managers, running, totals["count"] or 0, oldest)


def _measured(waiting: QuerySet[Task], alias: str) -> QuerySet[Any]:
    """Add how many stages of each task could run now, and since when the one in front waits."""
    stages = TaskStage.objects.using(alias).filter(task=OuterRef("pk"), order__lt=OuterRef("position"))
    before = Subquery(stages.order_by("-order").values("finished_at")[:1])
    side_by_side = F("open_count") - F("running_count") - F("waiting_count")
    return waiting.annotate(
        mine=Case(When(parallel=True, finished_at__isnull=True, then=side_by_side), default=Value(1)),
        since=Case(
            When(due__isnull=False, then=F("due")),
            When(started_at__isnull=True, then=F("created_at")),
            # Of stages side by side, when one of them had its turn last.
            When(parallel=True, then=F("turn")),
            default=Coalesce(before, F("turn")),
        ),
    )


def _reasons(found: NodeHealth, max_age: float | None, max_backlog: int | None) -> list[str]:
    reasons = []
    if not found.managers and (found.backlog or found.running):
        left = waiting(found.backlog) if found.backlog else f"{found.running:,} of its stages were at work"
        reasons.append(f"no manager lives, and {left}. Start one: manage.py run_task_manager --node {found.node}")
    if max_age is not None and found.oldest is not None and found.oldest > max_age:
        reasons.append(f"the oldest stage has waited for {about(found.oldest)}, longer than {about(max_age)}")
    if max_backlog is not None and found.backlog > max_backlog:
        reasons.append(f"{waiting(found.backlog)}, more than {max_backlog:,}")
    return reasons


def waiting(count: int) -> str:
    """Say how many stages wait for a process."""
    return "1 stage waits" if count == 1 else f"{count:,} stages wait"
