"""A stage fans out into stages that run side by side, and the next one gets all their results.

``Split`` builds a nested task and waits for it without holding a process. One division fails; that is no end of the
world: ``Total`` gets the successes and the failures as data.
"""

from __future__ import annotations

from django_tasks_poc import EntityWrapper, Outcome, TaskBuilder, TaskDraft, TaskHandlerBase, TaskStageContext


class Split(TaskHandlerBase):
    """Build one stage for each divisor."""

    def __init__(self, number: int, divisors: list[int]) -> None:
        self.number, self.divisors = number, divisors

    def handle(self, context: TaskStageContext) -> Outcome:
        nested = context.builder.create("Divisions")
        nested.extend(EntityWrapper(Divide, {"number": self.number, "by": divisor}) for divisor in self.divisors)
        return self.wait(context.builder.build(nested, context))


class Divide(TaskHandlerBase):
    """Do one of the many."""

    def __init__(self, number: int, by: int) -> None:
        self.number, self.by = number, by

    def handle(self, context: TaskStageContext) -> Outcome:
        return self.success("divided", self.number // self.by)


class Total(TaskHandlerBase):
    """Add up what succeeded, and name what did not."""

    def handle(self, context: TaskStageContext) -> Outcome:
        assert context.previous is not None  # Total follows Split
        divisions = context.previous.response
        failed = [f"by {failure.params['by']}: {failure.error.message}" for failure in divisions.failure]
        return self.success(f"{sum(divisions.success)} in all; failed: {', '.join(failed)}")


def draft(builder: TaskBuilder) -> TaskDraft:
    split = EntityWrapper(Split, {"number": 60, "divisors": [1, 2, 3, 0, 5]})
    return builder.create("Divide 60", split, EntityWrapper(Total))
