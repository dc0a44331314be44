"""What the charts ask of rows, in the SQL of each database: seconds since a moment, and round numbers to group by."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, F, FloatField, Func, IntegerField, Q, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.db.models.fields import DateTimeField
from django.db.models.functions import Coalesce

from ...models import Task, TaskStage


class SecondsSince(Func):
    """Seconds from a moment up to that of a column, negative before it; to the millisecond on SQLite."""

    arg_joiner = " - "
    template = "EXTRACT(EPOCH FROM %(expressions)s)::double precision"

    def __init__(self, moment: datetime, column: str) -> None:
        super().__init__(F(column), Value(moment, output_field=DateTimeField()), output_field=FloatField())

    def as_sqlite(self, compiler: Any, connection: Any, **options: Any) -> Any:
        days = [Func(part, function="julianday", output_field=FloatField()) for part in self.source_expressions]
        return compiler.compile((days[0] - days[1]) * Value(86400.0))

    def as_mysql(self, compiler: Any, connection: Any, **options: Any) -> Any:
        moment_to_column = self.copy()
        moment_to_column.source_expressions = self.source_expressions[::-1]
        template = "(TIMESTAMPDIFF(MICROSECOND, %(expressions)s) / 1e6)"
        return super(SecondsSince, moment_to_column).as_sql(compiler, connection, template=template, arg_joiner=", ")


class Whole(Func):
    """The whole part of a number that is not negative; a plain cast rounds on some databases and cuts on others."""

    template = "CAST(FLOOR(%(expressions)s) AS integer)"

    def __init__(self, number: Any) -> None:
        super().__init__(number, output_field=IntegerField())

    def as_sqlite(self, compiler: Any, connection: Any, **options: Any) -> Any:
        return super().as_sql(compiler, connection, template="CAST(%(expressions)s AS integer)")

    def as_mysql(self, compiler: Any, connection: Any, **options: Any) -> Any:
        return super().as_sql(compiler, connection, template="CAST(FLOOR(%(expressions)s) AS signed)")


def ended(since: datetime, now: float) -> Case:
    """Return when a stage ended, in seconds; one at work, ``now``."""
    return Case(
        When(finished_at__isnull=False, then=SecondsSince(since, "finished_at")),
        default=Value(now), output_field=FloatField(),
    )  # fmt: skip


def took(since: datetime, now: float) -> Case:
    """Return how many seconds the last start of a stage took; of one at work, all that passed since the first."""
    return Case(
        When(finished_at__isnull=False, then=Coalesce("duration", Value(0.0))),
        default=Value(now) - SecondsSince(since, "started_at"), output_field=FloatField(),
    )  # fmt: skip


def rounded(column: str, unit: float, steps: tuple[tuple[float, int], ...], most: int) -> Combinable:
    """Return the column in units, cut to a multiple of them that grows with it.

    ``steps`` are pairs of a limit and the multiple for values of the column below it; ``most`` is that of all others.
    """
    cases = [When(**{f"{column}__lt": limit}, then=_cut(column, unit, many)) for limit, many in steps]
    return Case(*cases, default=_cut(column, unit, most), output_field=IntegerField())


def _cut(column: str, unit: float, many: int) -> Any:
    return Whole(F(column) / Value(unit * many, output_field=FloatField())) * Value(many)


#: Rows of a task out of which a distribution is read.
_SAMPLE = 100_000


def sampled(tasks: Iterable[Task], alias: str) -> tuple[QuerySet[TaskStage], int]:
    """Return the stages of these tasks, of a very large one every so many-th; and that number."""
    totals = {task.uuid: task.total_count for task in tasks}
    nth = -(-max(totals.values()) // _SAMPLE) or 1
    rows = whole(totals, alias)
    if nth > 1:
        small = [uuid for uuid, total in totals.items() if total <= _SAMPLE]
        rows = rows.annotate(_rest=F("order") % nth).filter(Q(_rest=0) | Q(task__in=small))
    return rows, nth


def whole(tasks: Iterable[UUID], alias: str) -> QuerySet[TaskStage]:
    """Return all stages of these tasks, to be counted.

    The order is named so that its index serves: the rows are then read as they lie. By the index of durations, which
    SQLite would take, it is three times slower.
    """
    return TaskStage.objects.using(alias).filter(task__in=list(tasks), order__gte=0).order_by()
