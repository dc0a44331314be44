"""The stages of the scenario: every answer, atomic ones with a witness, and waits in waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import models

from django_tasks_poc import EntityFinally, EntityWrapper, Outcome, RetryPolicy, TaskHandlerBase, TaskResponse

from .points import BUILT, mark, phase


class Witness(models.Model):
    """A row for each time that something was done."""

    name = models.CharField(max_length=100)

    class Meta:
        app_label = "tests_crash"

    def __str__(self) -> str:
        return self.name


def witness(name: str) -> None:
    # In a transaction: outside of one, SQLite commits an INSERT … RETURNING only once its answer was read.
    Witness.objects.bulk_create([Witness(name=name)])


@dataclass(frozen=True)
class Loaded(TaskResponse):
    rows: int


class Step(TaskHandlerBase):
    """A stage whose own statements are told from those around it."""

    def __init__(self, number: int = 0) -> None:
        self.number = number

    def handle(self, context: Any) -> Outcome:
        with phase("atomic stage" if self.atomic else "stage"):
            return self.work(context)

    def work(self, context: Any) -> Outcome:
        return self.success(f"step {self.number}", self.number)

    def wait_for(self, context: Any, title: str, *stages: EntityWrapper, **options: Any) -> Outcome:
        with phase("nested build"):
            nested = context.builder.build(context.builder.create(title, *stages, **options), context)
        mark(BUILT)
        return self.wait(nested)


class Load(Step):
    atomic = True

    def work(self, context: Any) -> Outcome:
        witness(f"load {self.number}")
        return self.success("loaded", Loaded(context.shared["rows"] + self.number))


class Fail(Step):
    def work(self, context: Any) -> Outcome:
        raise ValueError(f"row {self.number} is bad")


class Flaky(Step):
    """Fails at its first attempt, after it wrote."""

    atomic = True
    retry = RetryPolicy(max_attempts=2)

    def work(self, context: Any) -> Outcome:
        witness(f"flaky {self.number}")
        if context.attempt == 1:
            raise OSError("not yet")
        return self.success(f"attempt {context.attempt}", Loaded(self.number))


class TwoSteps(Step):
    """Commits half of its work with a checkpoint."""

    atomic = True

    def work(self, context: Any) -> Outcome:
        if context.cursor is None:
            witness("first half")
            with phase("checkpoint"):
                context.checkpoint(1)
        witness("second half")
        return self.success("both halves", Loaded(self.number))


class Skip(Step):
    def work(self, context: Any) -> Outcome:
        return self.skip("nothing there")


class Refuse(Step):
    def work(self, context: Any) -> Outcome:
        return self.error("refused", {"number": self.number})


class Cancel(Step):
    def work(self, context: Any) -> Outcome:
        return self.cancel("no use")


class Patient(Step):
    """Answers at its second start; the first keeps a cursor."""

    def work(self, context: Any) -> Outcome:
        if context.cursor is None:
            context.checkpoint("been here")
            return self.delay(0, "later")
        return self.success(f"after {context.previous.message}", context.previous.response)


class Rows(Step):
    """Waits for a fan-out that is built in pieces."""

    def work(self, context: Any) -> Outcome:
        kinds = (Load, Load, Fail, Flaky, Fan, TwoSteps, Skip)
        stages = [EntityWrapper(kind, {"number": number}) for number, kind in enumerate(kinds)]
        return self.wait_for(context, "rows", *stages, shared=context.shared)


class Pool(Step):
    """Waits for a few stages, two at a time, of which the first fails whenever it runs."""

    def work(self, context: Any) -> Outcome:
        kinds = (Fail, Load, Step, Load, Step, Load)
        stages = [EntityWrapper(kind, {"number": number}) for number, kind in enumerate(kinds)]
        return self.wait_for(context, "pool", *stages, shared=context.shared, max_parallel=2)


class Fan(Step):
    """Waits inside a wait; its build, its row and its answer are one transaction."""

    atomic = True

    def work(self, context: Any) -> Outcome:
        witness("fan")
        kinds = {10: Load, 11: Step, 12: Fail}
        stages = [EntityWrapper(kind, {"number": number}) for number, kind in kinds.items()]
        cleanup = EntityWrapper(Cleanup, {"name": "deep"})
        return self.wait_for(context, "deep", *stages, shared=context.shared, max_parallel=2, finally_=cleanup)


class Doomed(Step):
    """Waits for a task that one of its stages cancels, and is cancelled by that itself."""

    def work(self, context: Any) -> Outcome:
        stages = [EntityWrapper(kind, {"number": n}) for n, kind in enumerate((Step, Cancel, Step, Step, Step))]
        return self.wait_for(context, "doomed", *stages, parallel=False)


class Leaves(Step):
    """Waits for two stages, one of which fails."""

    def work(self, context: Any) -> Outcome:
        return self.wait_for(context, "leaves", EntityWrapper(Step, {"number": 1}), EntityWrapper(Fail, {"number": 2}))


class Report(Step):
    """Counts what the fan-out answered."""

    def work(self, context: Any) -> Outcome:
        results = context.previous.response
        plain = [answer for answer in results.success if isinstance(answer, Loaded)]
        (deep,) = [answer for answer in results.success if not isinstance(answer, Loaded)]
        numbers = {
            "loaded": [answer.rows for answer in plain],
            "failed": [[failure.params["number"], failure.message] for failure in results.failure],
            "deep": [getattr(answer, "rows", answer) for answer in deep.success],
            "deep_failed": [[failure.params["number"], failure.message] for failure in deep.failure],
            "states": [str(stage.state) for stage in results.stages],
        }
        return self.success("report", numbers)


class Cleanup(EntityFinally):
    def __init__(self, name: str) -> None:
        self.name = name

    def handle(self, uuid: UUID, outcome: Outcome) -> None:
        with phase("stage"):
            witness(f"finally of {self.name}: {outcome.state} {outcome.message}")
