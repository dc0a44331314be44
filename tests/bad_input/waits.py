"""Stages that wait for what they may not wait for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django_tasks_poc import EntityWrapper, RetryPolicy, TaskBuilder, TaskHandlerBase
from django_tasks_poc.models import Task

from ..handlers import Noop


def nested(context: Any, builder: Any = None) -> Task:
    """Build a nested task that is to be waited for."""
    builder = builder or context.builder
    task: Task = builder.build(builder.create("nested", EntityWrapper(Noop)), context)
    return task


class Builds(TaskHandlerBase):
    """Waits as it should."""

    def handle(self, context: Any) -> Any:
        return self.wait(nested(context))


class WaitsFor(TaskHandlerBase):
    """Waits for something else than the nested task that it has built."""

    def __init__(self, what: str, uuid: UUID | None = None) -> None:
        self.what, self.uuid = what, uuid

    def handle(self, context: Any) -> Any:
        match self.what:
            case "a root":
                root = TaskBuilder().create("a root of its own", EntityWrapper(Noop), unique=False)
                return self.wait(TaskBuilder().build(root))
            case "another stage's":
                return self.wait(Task.objects.get(parent_stage=context.previous.stage))
            case "nobody's":
                task: Any = SimpleNamespace(uuid=self.uuid)
                return self.wait(task)
            case "its own":
                return self.wait(Task.objects.get(uuid=context.task))
            case "a draft":
                return self.wait(context.builder.create("a draft"))
            case "a uuid":
                return self.wait(nested(context).uuid)
            case "one of two":
                nested(context)
                return self.wait(nested(context))
            case "another node's":
                return self.wait(nested(context, TaskBuilder("even")))
        raise AssertionError(self.what)


class AtomicWaitsFor(WaitsFor):
    atomic = True


class WaitsAgain(TaskHandlerBase):
    """Its second attempt waits for what the first has built."""

    retry = RetryPolicy(max_attempts=2)

    def handle(self, context: Any) -> Any:
        if context.cursor is None:
            context.checkpoint(str(nested(context).uuid))
            raise OSError("the first attempt fails")
        built: Any = SimpleNamespace(uuid=UUID(context.cursor))
        return self.wait(built)


class Forgets(TaskHandlerBase):
    """Builds a nested task and answers in another way."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def handle(self, context: Any) -> Any:
        nested(context)
        match self.answer:
            case "delay":
                return self.delay(0)
            case "None":
                return None
            case "raise":
                raise OSError("it came to nothing")
        return getattr(self, self.answer)("forgot it")


class WaitsLate(TaskHandlerBase):
    """Waits when it is too late to."""

    def handle(self, context: Any) -> Any:
        self.built = nested(context)
        raise OSError("row 13 is bad")

    def handle_error(self, context: Any, error: Any) -> Any:
        return self.wait(self.built)


class Descends(TaskHandlerBase):
    """Waits for a task one level lower, down to the last."""

    def __init__(self, levels: int) -> None:
        self.levels = levels

    def handle(self, context: Any) -> Any:
        if not self.levels:
            return self.success("the bottom", "found")
        lower = EntityWrapper(Descends, {"levels": self.levels - 1})
        return self.wait(context.builder.build(context.builder.create(f"level {self.levels}", lower), context))


class Ascends(TaskHandlerBase):
    """Follows the results of the stage before down to the last."""

    def handle(self, context: Any) -> Any:
        levels, found = 0, context.previous.response
        while hasattr(found, "success"):
            (found,) = found.success
            levels += 1
        return self.success(f"{levels} levels", found)
