"""How many stages of a task were at work, and how many ended, in each piece of time: one query for all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Case, Count, F, FloatField, IntegerField, Min, Sum, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Greatest, Least

from ...models import Kind, Task
from ...states import State
from .axis import BINS, Axis
from .expressions import SecondsSince, Whole, begin, whole

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
    # A started stage that is neither at work nor ended waits for its next start, and is not at work.
    states = [state for state in State if state.is_final or state in (State.RUNNING, State.WAITING)]
    rows = whole(found, alias).filter(kind=Kind.STAGE, started_at__isnull=False, state__in=states)
    until = Case(
        When(finished_at__isnull=False, then=SecondsSince(axis.start, "finished_at")),
        default=Value(axis.end), output_field=FloatField(),
    )  # fmt: skip
    retried = Case(When(start__gt=1, state=State.SUCCESS, then=F("order")), output_field=IntegerField())
    groups = rows.annotate(_begin=begin(axis.start), _until=until)
    groups = groups.annotate(_first=_bin("_begin", axis), _last=_bin("_until", axis))
    sums: Any = groups.values_list("task", "state", "_first", "_last").annotate(
        _count=Count("uuid"), _begins=Sum("_begin"), _ends=Sum("_until"), _retried=Min(retried)
    )
    orders: dict[UUID, list[int]] = defaultdict(list)
    for task, state, first, last, count, began, until_, order in sums:
        _add(found[task], State(state), axis, first, last, count, float(began), float(until_))
        if order is not None:
            orders[task].append(order)
    for task, some in orders.items():
        found[task].retried = sorted(some)[:RETRIED]
    return found


def _bin(name: str, axis: Axis) -> Combinable:
    """Return the number of the piece that a second falls in."""
    within = Least(Greatest(F(name), Value(0.0)), Value(axis.span * (1 - 1e-9)))
    return Whole(within / Value(axis.width))


def _add(tally: Tally, state: State, axis: Axis, first: int, last: int, count: int, began: float, until: float) -> None:
    width, busy = axis.width, tally.busy[state]
    last = max(first, last)
    if first == last:
        busy[first] += max(0.0, until - began)
    else:
        busy[first] += max(0.0, count * (first + 1) * width - began)
        busy[last] += max(0.0, until - count * last * width)
        for between in range(first + 1, last):
            busy[between] += count * width
    if state.is_final:
        tally.ended[state][last] += count
        if state == State.ERROR:
            tally.failures.append(until / count)
