"""Count Numbers: two stages, the first of which waits for a nested task of 26 on the node of its own task."""

from __future__ import annotations

from string import ascii_uppercase

from django_tasks_poc import EntityWrapper, Outcome, TaskBuilder, TaskHandlerBase, TaskStageContext
from django_tasks_poc.models import Task


class Initialize(TaskHandlerBase):
    """Build one stage for each letter of the alphabet."""

    def __init__(self, name: str) -> None:
        self.name = name

    def handle(self, context: TaskStageContext) -> Outcome:
        nested = context.builder.create("Increase numbers", shared={"name": self.name})
        nested.extend(EntityWrapper(Increase, {"number": number}) for number in range(len(ascii_uppercase)))
        return self.wait(context.builder.build(nested, context))


class Increase(TaskHandlerBase):
    """Add one, and name the letter that stands there."""

    def __init__(self, number: int) -> None:
        self.number = number

    def handle(self, context: TaskStageContext) -> Outcome:
        return self.success(f"{context.shared['name']}: {ascii_uppercase[self.number]}", self.number + 1)


class Total(TaskHandlerBase):
    """Add up what the nested stages answered."""

    def handle(self, context: TaskStageContext) -> Outcome:
        assert context.previous is not None  # Total follows Initialize
        numbers = context.previous.response.success
        return self.success(f"{len(numbers)} numbers on node {context.node}: {sum(numbers)} in all", sum(numbers))


def count_numbers(node: str, name: str) -> Task:
    """Build the task on a node; any number of them may be open at once."""
    builder = TaskBuilder(node=node)
    stages = EntityWrapper(Initialize, {"name": name}), EntityWrapper(Total)
    return builder.build(builder.create("Count Numbers", *stages, unique=False))
