"""A stage for each thing that a handler may return or raise and must not."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

from django_tasks_poc import EntityWrapper, Outcome, TaskBuilder, TaskHandlerBase
from django_tasks_poc.outcomes import Answer, ErrorInfo

from .looking import Looks


class Special(Outcome):
    """An outcome of the user's own."""


class Mute:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Base(BaseException):
    pass


def recurse() -> Any:
    return [recurse()]


class Answers(TaskHandlerBase):
    """Returns, or raises, what its name says."""

    def __init__(self, what: str) -> None:
        self.what = what

    def handle(self, context: Any) -> Any:
        good = self.success("well")
        match self.what:
            case "a string":
                return "done"
            case "a long string":
                return "done " * 1000
            case "a tuple":
                return True, "done"
            case "a class":
                return Outcome
            case "a method":
                return self.success
            case "a mute object":
                return Mute()
            case "a draft":
                return TaskBuilder().create("draft", EntityWrapper(Looks))
            case "a coroutine":
                return self._later()
            case "a subclass":
                return Special(Answer.SUCCESS, "special")
            case "an answer in words":
                return Outcome("success")  # type: ignore[arg-type]
            case "a message that is none":
                return dataclasses.replace(good, message=5)  # type: ignore[arg-type]
            case "seconds without end":
                return Outcome(Answer.DELAY, seconds=float("nan"))
            case "a title for a task":
                return Outcome(Answer.WAIT, nested="nested")  # type: ignore[arg-type]
            case "an error that is none":
                return Outcome(Answer.ERROR, "bad", error=ErrorInfo("a.B", 5))  # type: ignore[arg-type]
            case "a wait for a title":
                return self.wait("nested")  # type: ignore[arg-type]
            case "a negative delay":
                return self.delay(-1)
            case "a delay beyond the calendar":
                return self.delay(1e13)
            case "MemoryError":
                return b"x" * (1 << 60)
            case "RecursionError":
                return recurse()
            case "an exception without words":
                raise Unspeakable
            case "StopIteration":
                return next(iter(()))
            case "a group":
                raise ExceptionGroup("all of it", [ValueError("one"), OSError("two")])
            case "KeyboardInterrupt":
                raise KeyboardInterrupt
            case "GeneratorExit":
                raise GeneratorExit
            case "CancelledError":
                raise asyncio.CancelledError("no more")
            case "a base exception":
                raise Base("basic")
        assert self.what == "None"
        return None

    async def _later(self) -> Outcome:
        await asyncio.sleep(0)
        return self.success("later")


class Yields(TaskHandlerBase):
    def handle(self, context: Any) -> Any:
        yield self.success("one after another")


class YieldsAsync(TaskHandlerBase):
    async def handle(self, context: Any) -> Any:
        yield self.success("one after another")


class WrongSignature(TaskHandlerBase):
    def handle(self) -> Any:  # type: ignore[override]
        raise AssertionError("It was called.")


class FailsInInit(TaskHandlerBase):
    def __init__(self) -> None:
        raise OSError("not made")

    def handle(self, context: Any) -> Any:
        raise AssertionError("It was made.")


class Handles(TaskHandlerBase):
    """Fails, and handles that badly too."""

    def __init__(self, what: str) -> None:
        self.what = what

    def handle(self, context: Any) -> Any:
        raise LookupError("row 13 is missing")

    def handle_error(self, context: Any, error: Any) -> Any:
        match self.what:
            case "raises":
                raise RuntimeError("worse")
            case "waits":
                return self.wait(context.builder.build(context.builder.create("n", EntityWrapper(Looks)), context))
            case "exits":
                raise SystemExit("out of here")
        return {"None": None, "string": "sorry", "exception": error.exception}[self.what]
