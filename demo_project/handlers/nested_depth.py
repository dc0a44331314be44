"""A stage of a nested task may fan out itself, to any depth; the results are read down to the leaves.

``Region`` builds one stage for each region inside it, which does the same, until there is only a number. The last
stage walks down: each stage that waited has a response with ``success``, ``failure`` and ``stages`` in its turn.
"""

from __future__ import annotations

from typing import Any

from django_tasks_poc import EntityWrapper, Outcome, TaskBuilder, TaskDraft, TaskHandlerBase, TaskStageContext

SHOPS = {"north": {"Oslo": 4, "Bergen": 2}, "south": {"Italy": {"Rome": 5, "Milan": 3}, "Athens": 1}}


class Region(TaskHandlerBase):
    """Fan out over the regions inside this one; of a town, answer with its shops."""

    def __init__(self, name: str, inside: Any) -> None:
        self.name, self.inside = name, inside

    def handle(self, context: TaskStageContext) -> Outcome:
        if isinstance(self.inside, int):
            return self.success("counted", self.inside)
        nested = context.builder.create(f"Inside {self.name}")
        nested.extend(EntityWrapper(Region, {"name": name, "inside": more}) for name, more in self.inside.items())
        return self.wait(context.builder.build(nested, context))


class Total(TaskHandlerBase):
    """Add up all shops."""

    def handle(self, context: TaskStageContext) -> Outcome:
        assert context.previous is not None  # Total follows Region
        return self.success(f"{add_up(context.previous.response)} shops")


def add_up(response: Any) -> int:
    """Return a town's shops, or the sum over all regions inside."""
    return response if isinstance(response, int) else sum(add_up(inside) for inside in response.success)


def draft(builder: TaskBuilder) -> TaskDraft:
    region = EntityWrapper(Region, {"name": "Europe", "inside": SHOPS})
    return builder.create("Count shops", region, EntityWrapper(Total))
