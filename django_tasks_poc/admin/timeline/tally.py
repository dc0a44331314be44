"""How many stages of a task were at work, and how many ended, in each piece of time: one query for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Case, Count, F, IntegerField, Min, QuerySet, Sum, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Greatest, Least

from ...models import Kind, StageAttempt, Task
from ...states import State
from .axis import BINS, Axis
from .expressions import SecondsSince, Whole, ended, took, whole

#: Retried stages that a tally remembers.
RETRIED = 3


@dataclass
class Tally:
    """What happened to the stages of one task, by piece of time.

    ``busy`` are seconds of work by state, ``ended`` counts by state, ``failures`` the moments of failed stages (one
    mean moment a piece). ``retried`` are orders of stages that succeeded at a later start.
    """

    busy: dict[State, list[float]] = field(default_factory=lambda: defaultdict(lambda: [0.0] * BINS))
    ended: dict[State, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0] * BINS))
    failures: list[float] = field(default_factory=list)
    retried: list[int] = field(default_factory=list)

    def at_once(self, state: State, axis: Axis) -> tuple[float, ...]:
        """Return how many stages, in the mean of each piece of time, were at work that are in this state."""
        # The piece that has now in it is not as long as the others.
        widths = [min(axis.width, axis.end - number * axis.width) for number in range(BINS)]
        return tuple(
            second / width if width > 0 else 0.0 for second, width in zip(self.busy[state], widths, strict=True)
        )


def tallies(tasks: Iterable[Task], axis: Axis, alias: str) -> dict[UUID, Tally]:
    """Return the tallies of these tasks."""
    found: dict[UUID, Tally] = {task.uuid: Tally() for task in tasks}
    _last_starts(found, axis, alias)
    _failed_starts(found, axis, alias)
    return found


def _last_starts(found: dict[UUID, Tally], axis: Axis, alias: str) -> None:
    """Count the starts that the rows of the stages tell of."""
    # A started stage that is neither at work nor ended waits for its next start, and is not at work.
    states = [state for state in State if state.is_final or state in (State.RUNNING, State.WAITING)]
    rows = whole(found, alias).filter(kind=Kind.STAGE, started_at__isnull=False, state__in=states)
    retried = Case(When(start__gt=1, state=State.SUCCESS, then=F("order")), output_field=IntegerField())
    orders: dict[UUID, list[int]] = defaultdict(list)
    groups = _grouped(rows, took(axis.start, axis.end), ended(axis.start, axis.end), axis)
    groups = groups.values_list("task", "state", "_first", "_last").annotate(_retried=Min(retried), **_SUMS)
    for task, name, first, last, order, *sums in groups:
        state, tally = State(name), found[task]
        _add(tally.busy[state], axis, first, last, *sums)
        if state.is_final:
            count, _, ends = sums
            tally.ended[state][last] += count
            if state == State.ERROR:
                tally.failures.append(ends / count)
        if order is not None:
            orders[task].append(order)
    for task, some in orders.items():
        found[task].retried = sorted(some)[:RETRIED]


def _failed_starts(found: dict[UUID, Tally], axis: Axis, alias: str) -> None:
    """Count the starts before them, which failed and are red whatever became of the stage."""
    rows = StageAttempt.objects.using(alias).filter(stage__task__in=list(found), started_at__isnull=False)
    # Of stages that have no other starts than the last one, which are nearly all, no attempt is looked for.
    rows = rows.filter(stage__order__gte=0, stage__start__gt=1, start__lt=F("stage__start")).order_by()
    ends = SecondsSince(axis.start, "ended_at")
    groups = _grouped(rows, ends - SecondsSince(axis.start, "started_at"), ends, axis)
    for task, first, last, *sums in groups.values_list("stage__task", "_first", "_last").annotate(**_SUMS):
        _add(found[task].busy[State.ERROR], axis, first, last, *sums)


#: Of each group: how many, how long they took together, and the seconds of their ends together.
_SUMS = {"_count": Count("uuid"), "_all_took": Sum("_took"), "_ends": Sum("_ended")}


def _grouped(rows: QuerySet[Any], seconds: Combinable, ends: Combinable, axis: Axis) -> QuerySet[Any]:
    """Return rows by the piece of time in which they begin, and that in which they end."""
    groups: QuerySet[Any] = rows.annotate(_took=seconds, _ended=ends).annotate(
        _first=_bin(F("_ended") - F("_took"), axis), _last=_bin(F("_ended"), axis)
    )
    return groups


def _bin(second: Combinable, axis: Axis) -> Combinable:
    """Return the number of the piece that a second falls in."""
    within = Least(Greatest(second, Value(0.0)), Value(axis.span * (1 - 1e-9)))
    return Whole(within / Value(axis.width))


def _add(busy: list[float], axis: Axis, first: int, last: int, count: int, seconds: float, ends: float) -> None:
    """Add the seconds of ``count`` starts to each of the pieces that they lie in."""
    width = axis.width
    if first >= last:
        busy[first] += max(0.0, seconds)
        return
    busy[first] += max(0.0, count * (first + 1) * width - (ends - seconds))
    busy[last] += max(0.0, ends - count * last * width)
    for between in range(first + 1, last):
        busy[between] += count * width
