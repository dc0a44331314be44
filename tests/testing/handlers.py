"""Handlers as a user writes them, for tests of how they are tested."""

from __future__ import annotations

import sys
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from django_tasks_poc import (
    EntityFinally,
    EntityWrapper,
    Outcome,
    RetryPolicy,
    TaskBuilder,
    TaskHandlerBase,
    TaskStageContext,
)


def add(name: str) -> None:
    Group.objects.create(name=name)


class Batch(TaskHandlerBase):
    """Double a number; a negative one is an error."""

    def __init__(self, number: int) -> None:
        self.number = number

    def handle(self, context: TaskStageContext) -> Outcome:
        if self.number < 0:
            raise ValueError(f"{self.number} is negative")
        return self.success("doubled", self.number * 2)


class FanOut(TaskHandlerBase):
    def __init__(self, numbers: list[int]) -> None:
        self.numbers = numbers

    def handle(self, context: TaskStageContext) -> Outcome:
        nested = context.builder.create("Batches")
        nested.extend(EntityWrapper(Batch, {"number": number}) for number in self.numbers)
        return self.wait(context.builder.build(nested, context))


class Sum(TaskHandlerBase):
    def handle(self, context: TaskStageContext) -> Outcome:
        assert context.previous is not None
        results = context.previous.response
        return self.success(f"{len(results.failure)} failed", sum(results.success))


class Flaky(TaskHandlerBase):
    """Fail twice, with an hour between the attempts."""

    retry = RetryPolicy(max_attempts=3, delay=3600)

    def handle(self, context: TaskStageContext) -> Outcome:
        if context.attempt < 3:
            raise ConnectionError(f"attempt {context.attempt}")
        return self.success(f"attempt {context.attempt}")


class Poll(TaskHandlerBase):
    """Come back an hour later, so many times; it counts in its cursor."""

    def __init__(self, times: int) -> None:
        self.times = times

    def handle(self, context: TaskStageContext) -> Outcome:
        done = context.cursor or 0
        context.progress(done, self.times, "looks")
        if done == self.times:
            return self.success(f"looked {done} times")
        context.checkpoint(done + 1)
        return self.delay(3600, "not yet")


class Atomic(TaskHandlerBase):
    """Write a group before and behind a checkpoint, then fail if it is told to."""

    atomic = True

    def __init__(self, fails: bool) -> None:
        self.fails = fails

    def handle(self, context: TaskStageContext) -> Outcome:
        add("before")
        context.checkpoint("kept")
        add("behind")
        if self.fails:
            raise ValueError("taken back")
        return self.success()


class Plain(TaskHandlerBase):
    """Write, run into the database's refusal, and write what came of it in ``handle_error``."""

    def handle(self, context: TaskStageContext) -> Outcome:
        add("first")
        add("first")
        return self.success()

    def handle_error(self, context: TaskStageContext, error: Outcome) -> Outcome:
        assert isinstance(error.exception, IntegrityError)
        add("told")
        return self.error("there is one already")


class Asynchronous(TaskHandlerBase):
    """Write from async code, and read through a cursor of the database."""

    atomic = True

    async def handle(self, context: TaskStageContext) -> Outcome:
        await Group.objects.acreate(name="async")
        await context.acheckpoint(1)
        return self.success(", ".join([group.name async for group in Group.objects.all()]))


class LeavesOpen(TaskHandlerBase):
    """Begin a transaction and do not end it."""

    def __init__(self, savepoint: bool) -> None:
        self.savepoint = savepoint

    def handle(self, context: TaskStageContext) -> Outcome:
        transaction.atomic(savepoint=self.savepoint).__enter__()
        with transaction.atomic():
            add("lost")
        return self.success()


class Iterates(TaskHandlerBase):
    """Write between the rows that it reads piece by piece."""

    def handle(self, context: TaskStageContext) -> Outcome:
        for name in "abc":
            add(name)
        for group in Group.objects.order_by("name").iterator(chunk_size=1):
            Group.objects.filter(pk=group.pk).update(name=f"{group.name}{group.name}")
        return self.success()


class Commits(TaskHandlerBase):
    """Have a function called at the commit."""

    def handle(self, context: TaskStageContext) -> Outcome:
        with transaction.atomic():
            add("inside")
            transaction.on_commit(lambda: add("after the commit"))
        return self.success()


class Leaves(TaskHandlerBase):
    """End the process."""

    retry = RetryPolicy(max_attempts=2)

    def handle(self, context: TaskStageContext) -> Outcome:
        sys.exit(3)


class Pauses(TaskHandlerBase):
    def handle(self, context: TaskStageContext) -> Outcome:
        if context.cursor is None:
            context.checkpoint(True)
            return self.pause("look at it first")
        return self.success()


class Again(TaskHandlerBase):
    """Build the next task of its kind, for tomorrow."""

    def handle(self, context: TaskStageContext) -> Outcome:
        builder = TaskBuilder()
        builder.build(builder.create("Again", EntityWrapper(Again), delay=86400, unique=False))
        return self.success()


class Deeper(TaskHandlerBase):
    """Nest a task of its own kind, for ever."""

    def handle(self, context: TaskStageContext) -> Outcome:
        nested = context.builder.create("Deeper", EntityWrapper(Deeper))
        return self.wait(context.builder.build(nested, context))


class Goodbye(EntityFinally):
    def handle(self, uuid: UUID, outcome: Any) -> None:
        add(f"goodbye: {outcome.state}")
