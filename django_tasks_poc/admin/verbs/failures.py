"""What a retry would run again in trees that ended, counted by one look at their nested tasks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from django.db.models import F, Q

from ...models import Task, TaskStage
from ...states import FAILED, State
from ...storage.orm.retry import waited_for

#: Places in sequential tasks that one query asks about.
_PLACES = 200


@dataclass(frozen=True)
class Failures:
    """``count`` stages failed or were canceled themselves; ``waiting`` ones wait again for the tasks of such.

    ``anew`` stages succeeded, and run once more since they come after one that waits again.
    """

    count: int = 0
    waiting: int = 0
    anew: int = 0
    #: The tasks asked about that have any.
    tasks: frozenset[UUID] = frozenset()
    #: All tasks that would be opened again.
    touched: frozenset[UUID] = frozenset()


@dataclass(frozen=True)
class _Nested:
    """A nested task with a failure in or below it, seen from the task whose stage waited for it."""

    uuid: UUID
    order: int
    stage_failed: bool
    failed: int


def failures_of(*tops: Task) -> Failures:
    """Count what ``retry_failed`` of these tasks, all of one database, would touch; open ones are left out."""
    ended = [task for task in tops if task.finished_at is not None]
    if not ended:
        return Failures()
    alias = ended[0]._state.db or "default"
    below, parallel = _below(alias, ended)
    count = waiting = 0
    firsts: dict[int, list[UUID]] = defaultdict(list)
    found, touched = set(), set()
    for top in ended:
        pending = [(top.uuid, top.failed_count, top.parallel)]
        while pending:
            task, failed, is_parallel = pending.pop()
            nested = sorted(below.get(task, []), key=lambda one: one.order)
            if nested and not is_parallel:
                nested = nested[:1]
                firsts[nested[0].order].append(task)
            waiting += len(nested)
            count += failed - sum(one.stage_failed for one in nested)
            if failed or nested:
                found.add(top.uuid)
                touched.add(task)
            pending += [(one.uuid, one.failed, one.uuid in parallel) for one in nested]
    return Failures(count, waiting, _after(alias, firsts), frozenset(found), frozenset(touched))


def _below(alias: str, tops: list[Task]) -> tuple[dict[UUID, list[_Nested]], set[UUID]]:
    """Return by task the nested ones that hold a failure, the newest of each stage; and which of them are parallel."""
    rows = Task.objects.using(alias).filter(root__in={task.root_id for task in tops}, depth__gt=0)
    columns = ("uuid", "parallel", "parent_stage__task", "parent_stage__order", "parent_stage__state")
    below: dict[UUID, list[_Nested]] = defaultdict(list)
    parallel = set()
    nested = waited_for(rows).order_by("-depth")
    for uuid, is_parallel, task, order, state, failed in nested.values_list(
        *columns, F("error_count") + F("canceled_count")
    ):
        if failed or uuid in below:
            below[task].append(_Nested(uuid, order, State(state) in FAILED, failed))
            if is_parallel:
                parallel.add(uuid)
    return below, parallel


def _after(alias: str, firsts: dict[int, list[UUID]]) -> int:
    """Count the stages that succeeded behind these places of sequential tasks."""
    count, places = 0, sorted(firsts.items())
    for start in range(0, len(places), _PLACES):
        behind = Q()
        for order, tasks in places[start : start + _PLACES]:
            behind |= Q(task__in=tasks, order__gt=order)
        rows = TaskStage.objects.using(alias).steps().filter(behind)
        count += rows.filter(state__in=[State.SUCCESS, State.SKIPPED]).count()
    return count
