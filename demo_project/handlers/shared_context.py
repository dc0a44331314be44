"""Data common to all stages is stored once, on the task, and read by each as ``context.shared``.

The params of a stage hold only what is its own. That matters when 100,000 stages need the same table of rates.
"""

from __future__ import annotations

from decimal import Decimal

from django_tasks_poc import EntityWrapper, Outcome, TaskBuilder, TaskDraft, TaskHandlerBase, TaskStageContext


class Gross(TaskHandlerBase):
    """Add the tax of one country."""

    def __init__(self, net: Decimal, country: str) -> None:
        self.net, self.country = net, country

    def handle(self, context: TaskStageContext) -> Outcome:
        rate = Decimal(context.shared["rates"][self.country])
        return self.success(f"{self.net * (1 + rate):.2f} {context.shared['currency']}")


def draft(builder: TaskBuilder) -> TaskDraft:
    shared = {"currency": "EUR", "rates": {"AT": "0.20", "DE": "0.19", "LU": "0.17"}}
    stages = [EntityWrapper(Gross, {"net": Decimal(100), "country": country}) for country in shared["rates"]]
    return builder.create("Prices with tax", *stages, parallel=True, shared=shared)
