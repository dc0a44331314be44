"""Stages that write rows: in the transaction of their outcome, and with the async ORM."""

from __future__ import annotations

import os
import signal
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from django_tasks_poc import RetryPolicy, TaskHandlerBase

from ..managers import until
from .handlers import Answers
from .witness import note, notes


class Writes(TaskHandlerBase):
    """Writes a row in the transaction of its outcome, then answers in some way."""

    atomic = True

    def __init__(self, row: str, how: str) -> None:
        self.row, self.how = row, how

    def handle(self, context: Any) -> Any:
        Group.objects.create(name=self.row)
        if self.how == "checkpoint":
            context.checkpoint(1)
            Group.objects.create(name=f"{self.row} after it")
            return Answers.handle(Answers("raise"), context)
        return Answers.handle(Answers(self.how), context)

    def handle_error(self, context: Any, error: Any) -> Any:
        Group.objects.create(name=f"{self.row} failed")
        return error


class WritesAgain(TaskHandlerBase):
    """Writes a row in the transaction of its outcome, as often as it must."""

    atomic = True
    retry = RetryPolicy(max_attempts=100)

    def __init__(self, row: str) -> None:
        self.row = row

    def handle(self, context: Any) -> Any:
        Group.objects.create(name=self.row)
        return self.success("written")


class CommitsAndDies(TaskHandlerBase):
    """Is killed between the commit of its outcome and the word to its manager."""

    atomic = True

    def __init__(self, row: str) -> None:
        self.row = row

    def handle(self, context: Any) -> Any:
        Group.objects.create(name=self.row)
        transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))
        return self.success("committed")


class AsyncWrites(TaskHandlerBase):
    """Writes with the async ORM, tells how far it is, and keeps a cursor."""

    def __init__(self, row: str, how: str = "success") -> None:
        self.row, self.how = row, how

    async def handle(self, context: Any) -> Any:
        group = await Group.objects.acreate(name=self.row)
        context.progress(1, 2, "half")
        if self.how == "checkpoint":
            await context.acheckpoint(group.pk)
        if self.how != "success":
            raise OSError("async")
        return self.success("written", {"rows": await Group.objects.filter(name=self.row).acount()})

    async def handle_error(self, context: Any, error: Any) -> Any:
        return self.error(f"async {error.message}, cursor is {context.cursor is not None}")


class AsyncAtomic(AsyncWrites):
    atomic = True


class LocksTwo(TaskHandlerBase):
    """Locks two rows one after another; on its first start it waits in between until another stage has locked one."""

    atomic = True

    def __init__(self, first: str, second: str) -> None:
        self.first, self.second = first, second

    def handle(self, context: Any) -> Any:
        Group.objects.select_for_update().get(name=self.first)
        note(f"locked {self.first}")
        until(lambda: notes(f"locked {self.second}"), "another stage has locked the other row")
        Group.objects.select_for_update().get(name=self.second)
        return self.success("both locked")
