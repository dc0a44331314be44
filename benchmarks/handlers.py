"""The stages that are measured: as little work as there can be, with a result that can be checked."""

from __future__ import annotations

import time

from django.contrib.auth.models import Group

from django_tasks_poc import EntityWrapper, Outcome, TaskHandlerBase, TaskStageContext
from django_tasks_poc.models import Task
from django_tasks_poc.node import nodes


class Square(TaskHandlerBase):
    """A trivial stage."""

    def __init__(self, number: int) -> None:
        self.number = number

    def handle(self, context: TaskStageContext) -> Outcome:
        return self.success("squared", self.number**2)


class Next(TaskHandlerBase):
    """Answer with one more than the stage before, which must have answered with this number."""

    def __init__(self, number: int) -> None:
        self.number = number

    def handle(self, context: TaskStageContext) -> Outcome:
        before = 0 if context.previous is None else context.previous.response
        if before != self.number:
            return self.error(f"the stage before answered {before}, not {self.number}")
        return self.success("next", before + 1)


class Insert(TaskHandlerBase):
    """Insert a row, and work for some seconds."""

    def __init__(self, number: int, seconds: float = 0.0) -> None:
        self.number, self.seconds = number, seconds

    def handle(self, context: TaskStageContext) -> Outcome:
        Group.objects.using(context.node.database).create(name=f"{context.task} {self.number}")
        if self.seconds:
            time.sleep(self.seconds)
        return self.success("inserted")

    @staticmethod
    def count(task: Task) -> int:
        """Return how many rows the stages of a task inserted; no two have one name."""
        return Group.objects.using(nodes[task.node].database).filter(name__startswith=f"{task.uuid} ").count()


class AtomicInsert(Insert):
    """Do the same in the transaction of the stage's outcome."""

    atomic = True


class Split(TaskHandlerBase):
    """Fan out into trivial stages."""

    def __init__(self, children: int) -> None:
        self.children = children

    def handle(self, context: TaskStageContext) -> Outcome:
        nested = context.builder.create("Squares")
        nested.extend(EntityWrapper(Square, {"number": number}) for number in range(self.children))
        return self.wait(context.builder.build(nested, context))


class Sum(TaskHandlerBase):
    """Add up what the children answered."""

    def handle(self, context: TaskStageContext) -> Outcome:
        squares = context.previous.response
        return self.success(f"{len(squares.failure)} failed", sum(squares.success))
