"""The stages of the storm: every answer, every failure, rows of their own, and waits in waits."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, models

from django_tasks_poc import EntityFinally, Outcome, RetryPolicy, TaskHandlerBase
from django_tasks_poc.results import NestedResults

from . import forest, witness


class Row(models.Model):
    """What an atomic stage writes: one for each time that it was done."""

    stage = models.UUIDField()
    what = models.CharField(max_length=10)

    class Meta:
        app_label = "tests_chaos"

    def __str__(self) -> str:
        return f"{self.what} of {self.stage}"


@contextmanager
def table() -> Iterator[None]:
    """Have the table of these rows meanwhile."""
    with connection.schema_editor() as editor:
        if Row._meta.db_table in connection.introspection.table_names():  # of a run that was killed
            editor.delete_model(Row)
        editor.create_model(Row)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Row)


class Leaf(TaskHandlerBase):
    """Answers, or fails to, in the way that ``how`` says, after some seconds."""

    def __init__(self, how: str = "success", seconds: float = 0.0) -> None:
        self.how, self.seconds = how, seconds

    def handle(self, context: Any) -> Outcome:
        with witness.interval(str(context.stage), str(context.token)) as told:
            outcome = self.work(context)
            told.answer = outcome.answer.value
            return outcome

    def work(self, context: Any) -> Outcome:
        time.sleep(self.seconds)
        match self.how:
            case "raise":
                raise ValueError("bad row")
            case "flaky" if context.attempt % 3:
                raise ConnectionError("no line")
            case "error":
                return self.error("refused")
            case "skip":
                return self.skip("nothing there")
            case "cancel":
                return self.cancel("no use")
            case "delay" | "pause" if context.cursor is None:
                context.checkpoint(1)
                return self.delay(0.2, "later") if self.how == "delay" else self.pause("look at this")
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "exit":
                sys.exit(3)
            case "hang":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                time.sleep(60)
        return self.success("done", {"stage": str(context.stage), "token": str(context.token)})


class Quick(Leaf):
    """Has one second."""

    timeout = 1


class Again(Leaf):
    """May fail twice."""

    retry = RetryPolicy(max_attempts=3, delay=0.05, backoff=2)


class Writes(Leaf):
    """Writes a row in the transaction of its outcome."""

    atomic = True

    def work(self, context: Any) -> Outcome:
        Row.objects.create(stage=context.stage, what="whole")
        return super().work(context)


class WritesAgain(Writes):
    """The same, as often as it must."""

    retry = RetryPolicy(max_attempts=100)


class Halves(Leaf):
    """Commits half of its work with a checkpoint, and the rest with its outcome."""

    atomic = True
    retry = RetryPolicy(max_attempts=2)

    def work(self, context: Any) -> Outcome:
        if context.cursor is None:
            Row.objects.create(stage=context.stage, what="half")
            context.checkpoint(1)
        Row.objects.create(stage=context.stage, what="whole")
        return super().work(context)


class Fan(Leaf):
    """Waits for a nested task."""

    def __init__(self, nested: dict[str, Any], seconds: float = 0.0) -> None:
        super().__init__(seconds=seconds)
        self.nested = nested

    def work(self, context: Any) -> Outcome:
        task = context.builder.build(forest.draft(context.builder, self.nested), context)
        time.sleep(self.seconds)
        return self.wait(task)


class WritesFan(Fan):
    """The same in one transaction with a row."""

    atomic = True

    def work(self, context: Any) -> Outcome:
        Row.objects.create(stage=context.stage, what="fan")
        return super().work(context)


class Join(Leaf):
    """Tells all that the wait before it brought, if there was one."""

    def work(self, context: Any) -> Outcome:
        before = context.previous
        found = described(before.response) if isinstance(before.response, NestedResults) else None
        return self.success("joined", {"before": str(before.stage), "state": before.state, "found": found})


def described(results: NestedResults) -> dict[str, Any]:
    """Return results as JSON can hold them; those of waits as the results of their stages."""
    return {
        "task": str(results.task),
        "success": [described(one) if isinstance(one, NestedResults) else one for one in results.success],
        "failure": [str(one.stage) for one in results.failure],
        "stages": [[str(one.stage), one.state] for one in results.stages],
        "counts": [len(results.success), len(results.failure), len(results.stages)],
    }


class Last(EntityFinally):
    """Notes that it ran, and for which end; witnessed under the uuid of its task, for it knows no other."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def handle(self, uuid: UUID, outcome: Any) -> None:
        with witness.interval(f"finally of {uuid}", str(uuid4())) as told:
            time.sleep(self.seconds)
            told.answer = str(outcome.state)
