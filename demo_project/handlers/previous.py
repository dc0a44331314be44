"""A stage sees the outcome of the one before it, and a response keeps its type on the way.

Stages run one after another. What ``Weigh`` answers goes through the database and is a ``Parcel`` with a ``Decimal``
and a ``date`` again when ``Price`` reads it as ``context.previous.response``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from django_tasks_poc import (
    EntityWrapper,
    Outcome,
    TaskBuilder,
    TaskDraft,
    TaskHandlerBase,
    TaskResponse,
    TaskStageContext,
)


@dataclass(frozen=True)
class Parcel(TaskResponse):
    """What the scales say."""

    kilograms: Decimal
    posted: dt.date


class Weigh(TaskHandlerBase):
    """Come first: nothing is before it."""

    def handle(self, context: TaskStageContext) -> Outcome:
        return self.success("weighed", Parcel(Decimal("2.50"), dt.date(2026, 2, 27)))


class Price(TaskHandlerBase):
    """Price the parcel that ``Weigh`` has weighed."""

    def __init__(self, per_kilogram: Decimal) -> None:
        self.per_kilogram = per_kilogram

    def handle(self, context: TaskStageContext) -> Outcome:
        assert context.previous is not None  # Price follows Weigh
        parcel: Parcel = context.previous.response
        arrives = parcel.posted + dt.timedelta(days=2)
        return self.success(f"{parcel.kilograms * self.per_kilogram:.2f} EUR, arrives on {arrives}")


def draft(builder: TaskBuilder) -> TaskDraft:
    price = EntityWrapper(Price, {"per_kilogram": Decimal("1.96")})
    return builder.create("Price a parcel", EntityWrapper(Weigh), price)
