"""The tasks that a verb would touch, and their stages in numbers: a fixed number of queries, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Q, Sum

from ...models import ManagerProcess, Task, TaskStage
from ...models.task import TaskQuerySet
from ...states import OPEN, State
from ..texts import short_host

#: Names that are told of; one more is read, to know that there are more.
NAMES = 3
_STATES = ("success", "error", "canceled", "skipped")


@dataclass(frozen=True)
class Sizes:
    """Numbers of tasks and of stages; those of stages at work are of open tasks, the others of all."""

    tasks: int = 0
    open_tasks: int = 0
    stages: int = 0
    running: int = 0
    waiting: int = 0
    ready: int = 0
    success: int = 0
    error: int = 0
    canceled: int = 0
    skipped: int = 0
    #: Finally stages that open tasks have before them.
    finallies: int = 0


class Scope:
    """Tasks of one database with all below them."""

    def __init__(self, tops: Sequence[Task]) -> None:
        self.alias = tops[0]._state.db or "default"
        self.tasks = _below(self.alias, tops)
        self._open = self.tasks.filter(state__in=OPEN)

    def sizes(self) -> Sizes:
        is_open = Q(state__in=OPEN)
        found = self.tasks.aggregate(
            tasks=Count("pk"), open_tasks=Count("pk", filter=is_open), stages=Sum("total_count"),
            open_stages=Sum("open_count", filter=is_open), running=Sum("running_count", filter=is_open),
            waiting=Sum("waiting_count", filter=is_open), **{name: Sum(f"{name}_count") for name in _STATES},
            finallies=Count("pk", filter=is_open & has_finally()),
        )  # fmt: skip
        counts = {name: count or 0 for name, count in found.items()}
        ready = counts.pop("open_stages") - counts["running"] - counts["waiting"]
        return Sizes(**counts, ready=ready)

    def hosts(self) -> list[str]:
        """Return the hosts on which stages run, up to one more than are told of."""
        running = TaskStage.objects.using(self.alias).filter(
            state=State.RUNNING, task__in=self._open.filter(running_count__gt=0)
        )
        managers = ManagerProcess.objects.using(self.alias).filter(uuid__in=running.values("manager"))
        found = managers.order_by("host").values_list("host", flat=True).distinct()[: NAMES + 1]
        return [short_host(host) for host in found]

    def names(self, state: State) -> list[tuple[str, int]]:
        """Return handler and place of stages in the state, up to one more than are told of."""
        stages = TaskStage.objects.using(self.alias).steps().filter(state=state, task__in=self._open)
        return list(stages.order_by("task__depth", "order").values_list("handler", "order")[: NAMES + 1])


def has_finally() -> Q:
    """Return the condition that a task has a finally stage in its stored options."""
    return Q(options__contains='"finally_":')


def _below(alias: str, tops: Sequence[Task]) -> TaskQuerySet:
    """Return these tasks and all that anybody may see below them."""
    rows = Task.objects.using(alias).visible()
    if all(top.depth == 0 for top in tops):
        return rows.filter(root__in=[top.uuid for top in tops])
    inside: set[UUID] = {top.uuid for top in tops}
    deeper = rows.filter(root__in={top.root_id for top in tops}, depth__gt=min(top.depth for top in tops))
    for uuid, parent in deeper.order_by("depth").values_list("uuid", "parent_stage__task"):
        if parent in inside:
            inside.add(uuid)
    return rows.filter(uuid__in=inside)
