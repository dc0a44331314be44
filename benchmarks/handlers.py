"""The stages that are measured: as little work as there can be, with a result that can be checked."""

from __future__ import annotations

import time

from django.contrib.auth.models import Group

from django_tasks_poc import EntityWrapper, Outcome, TaskHandlerBase, TaskStageContext


class Square(TaskHandlerBase):
    """A trivial stage."""

    def __init__(self, number: int) -> None:
        self.number = number

    def handle(self, context: TaskStageContext) -> Outcome:
        return self.success("squared", self.number**2)


class Insert(TaskHandlerBase):
    """Insert a row, and work for some seconds in the same transaction."""

    atomic = True

    def __init__(self, number: int, seconds: float) -> None:
        self.number, self.seconds = number, seconds

    def handle(self, context: TaskStageContext) -> Outcome:
        Group.objects.using(context.node.database).create(name=f"{context.task} {self.number}")
        time.sleep(self.seconds)
        return self.success("inserted")

    @staticmethod
    def count(database: str) -> int:
        """Return how many rows there are."""
        return Group.objects.using(database).count()


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
