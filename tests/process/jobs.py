"""A shop's jobs as a user writes them: typed batches, a report that bears failures, a poll, a goodbye."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group

from django_tasks_poc import (
    EntityFinally,
    EntityWrapper,
    Outcome,
    RetryPolicy,
    State,
    TaskHandlerBase,
    TaskResponse,
    TaskStageContext,
)

from .witness import note

DAY = dt.date(2026, 5, 31)


@dataclass(frozen=True)
class Billed(TaskResponse):
    """What a batch came to."""

    bills: int
    sum: Decimal
    day: dt.date


class Bill(TaskHandlerBase):
    """Bills the customers of one batch. The line of batch 40 is broken at first, customer 66 cannot be billed."""

    retry = RetryPolicy(max_attempts=3, delay=0.1, backoff=2, max_delay=1, jitter=True, on=(OSError,))
    timeout = 60
    atomic = True

    def __init__(self, start: int, stop: int, day: dt.date, clerk: UUID | None = None) -> None:
        self.start, self.stop, self.day, self.clerk = start, stop, day, clerk

    def handle(self, context: TaskStageContext) -> Outcome:
        assert type(self.day) is dt.date
        assert self.clerk is None or type(self.clerk) is UUID
        vat = Decimal(context.shared["vat"])
        for customer in range(self.start, self.stop):
            context.progress(customer - self.start, self.stop - self.start, "billing")
            Group.objects.create(name=f"bill {customer}")
            if customer == 66:
                return self.error("customer 66 has no address", {"customer": customer})
            if customer == 45 and context.attempt == 1:
                raise ConnectionResetError("line broke")
            if customer == 85:
                raise TimeoutError("no answer")
        return self.success("billed", Billed(self.stop - self.start, vat * (self.stop - self.start), self.day))


class Batches(TaskHandlerBase):
    def __init__(self, customers: int, size: int = 10) -> None:
        self.customers, self.size = customers, size

    def handle(self, context: TaskStageContext) -> Outcome:
        draft = context.builder.create("bills", shared={"vat": "1.19"}, max_parallel=3, max_failures="50%")
        draft.extend(
            EntityWrapper(Bill, {"start": n, "stop": n + self.size, "day": DAY, "clerk": context.task})
            for n in range(0, self.customers, self.size)
        )
        return self.wait(context.builder.build(draft, context))


class Balance(TaskHandlerBase):
    """Adds up, and names what failed."""

    def handle(self, context: TaskStageContext) -> Outcome:
        before = context.previous
        assert before is not None
        assert before.state == State.SUCCESS
        good, bad = before.response.success, before.response.failure
        assert all(type(batch) is Billed and batch.day == DAY for batch in good)
        found = {
            "bills": sum(batch.bills for batch in good),
            "sum": sum((batch.sum for batch in good), Decimal()),
            "reasons": [failure.message for failure in bad],
            "first": bad[0].params["start"] if bad else None,
            "response": bad[0].response if bad else None,
        }
        return self.success(f"{found['bills']} bills", found)

    def handle_error(self, context: TaskStageContext, error: Any) -> Any:
        return error


class Ask(TaskHandlerBase):
    """Asks the bank some times without holding a process, and gives up."""

    def __init__(self, times: int) -> None:
        self.times = times

    async def handle(self, context: TaskStageContext) -> Outcome:
        turn = (context.cursor or 0) + 1
        note("asked", turn=turn, attempt=context.attempt)
        if turn > self.times:
            return self.skip("the bank is never open")
        await context.acheckpoint(turn)
        return self.delay(0.2, "the bank is closed")


class Goodbye(EntityFinally):
    def __init__(self, whom: str) -> None:
        self.whom = whom

    def handle(self, uuid: UUID, outcome: Any) -> None:
        note("goodbye", whom=self.whom, task=uuid, state=outcome.state, message=outcome.message)
