"""Stages that real processes run: one for each thing that a stage can do."""

from __future__ import annotations

import datetime as dt
import os
import signal
import sys
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django_tasks_poc import EntityFinally, EntityWrapper, RetryPolicy, TaskHandlerBase, TaskResponse

from .witness import note


@dataclass(frozen=True)
class Priced(TaskResponse):
    total: Decimal
    day: dt.date


class Step(TaskHandlerBase):
    """Notes when it ran, and answers with what it was given."""

    def __init__(self, name: str = "step", seconds: float = 0.0) -> None:
        self.name, self.seconds = name, seconds

    def handle(self, context: Any) -> Any:
        began = time.monotonic()
        time.sleep(self.seconds)
        note(self.name, began=began)
        before = context.previous
        seen = None if before is None else [before.state, before.message, str(before.response), str(before.error)]
        return self.success(f"{self.name} done", {"previous": seen, "shared": context.shared})


class Price(TaskHandlerBase):
    def __init__(self, number: int, day: dt.date = dt.date(2026, 2, 28)) -> None:
        self.number, self.day = number, day

    def handle(self, context: Any) -> Any:
        return self.success(f"price {self.number}", Priced(Decimal("0.10") * self.number, self.day))


class Check(TaskHandlerBase):
    """Adds up what the stage before answered: a price, or a fan-out of them."""

    def handle(self, context: Any) -> Any:
        given = context.previous.response
        prices = [given] if isinstance(given, Priced) else list(given.success)
        total, last = sum((price.total for price in prices), Decimal(0)), max(price.day for price in prices)
        return self.success(f"{total} until {last:%d %B}", Priced(total, last))


class Answers(TaskHandlerBase):
    """Answers, or fails to, in the way that its name says."""

    def __init__(self, how: str) -> None:
        self.how = how

    def handle(self, context: Any) -> Any:
        match self.how:
            case "success":
                return self.success("fine", self.how)
            case "skip":
                return self.skip("nothing to do")
            case "cancel":
                return self.cancel("no use")
            case "error":
                return self.error("refused", {"code": 7})
            case "raise":
                raise ValueError("row 13 is bad")
            case "none":
                return None
            case "wrong":
                return {"state": "SUCCESS"}
            case "huge":
                return self.success("much", "x" * (1 << 20))
            case "large":
                return self.success("much", "x" * 1_000_000)
            case "poison":
                return self.success("nul \0 and half a pair \ud800", "fine")
            case "exit":
                sys.stderr.write("leaving\n")
                sys.exit(0)
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "hang":
                time.sleep(60)
            case "forget":
                context.builder.build(context.builder.create("forgotten", EntityWrapper(Step)), context)
                return self.success("forgot it")
        raise AssertionError(self.how)


class Hang(Answers):
    timeout = 1

    def __init__(self) -> None:
        super().__init__("hang")


class Fan(TaskHandlerBase):
    """Waits for a task whose stages answer in these ways; ``prices`` more stages have a price each."""

    def __init__(self, hows: list[str], prices: int = 0, options: dict[str, Any] | None = None) -> None:
        self.hows, self.prices, self.options = hows, prices, options or {}

    def handle(self, context: Any) -> Any:
        nested = context.builder.create("fan", **self.options)
        nested.extend(EntityWrapper(Answers, {"how": how}) for how in self.hows)
        nested.extend(EntityWrapper(Price, {"number": number + 1}) for number in range(self.prices))
        return self.wait(context.builder.build(nested, context))


class FanOfFans(TaskHandlerBase):
    """Waits for fans, so that its results are results of waits."""

    def handle(self, context: Any) -> Any:
        fans = [EntityWrapper(Fan, {"hows": hows, "prices": 1}) for hows in (["success"], ["raise", "skip"])]
        return self.wait(context.builder.build(context.builder.create("fans", *fans), context))


class Join(TaskHandlerBase):
    """Tells all that a wait brought."""

    def handle(self, context: Any) -> Any:
        before, results = context.previous, context.previous.response
        found = {
            "state": before.state,
            "success": [described(answer) for answer in results.success],
            "failure": [
                [failed.params, failed.state, failed.message, str(failed.error), failed.response]
                for failed in results.failure
            ],
            "stages": [stage.state for stage in results.stages],
            "lengths": [len(results.success), len(results.failure), len(results.stages)],
            "again": [stage.state for stage in results.stages],
            "last": results.stages[-1].state if len(results.stages) else None,
            "slice": [stage.message for stage in results.stages[:2]],
        }
        return self.success("joined", found)


def described(answer: Any) -> Any:
    """Return a result as JSON can hold it; a wait's as the results of its stages."""
    return [described(one) for one in answer.success] if hasattr(answer, "success") else answer


class Tree(TaskHandlerBase):
    """A leaf notes itself; a branch waits for branches one level lower, and a finally counts their end."""

    def __init__(self, depth: int, width: int) -> None:
        self.depth, self.width = depth, width

    def handle(self, context: Any) -> Any:
        if not self.depth:
            return self.success("leaf", 1)
        below = [EntityWrapper(Tree, {"depth": self.depth - 1, "width": self.width}) for _ in range(self.width)]
        nested = context.builder.create(f"level {self.depth}", *below, finally_=EntityWrapper(Tell, {"name": "tree"}))
        return self.wait(context.builder.build(nested, context))


class Tell(EntityFinally):
    """Notes how its task ended."""

    def __init__(self, name: str) -> None:
        self.name = name

    def handle(self, uuid: UUID, outcome: Any) -> None:
        note(self.name, task=uuid, state=outcome.state, message=outcome.message, response=outcome.response)


class TellBadly(EntityFinally):
    """Fails for good, after two attempts."""

    retry = RetryPolicy(max_attempts=2)

    def handle(self, uuid: UUID, outcome: Any) -> None:
        note("told badly", task=uuid)
        raise OSError("nobody listens")


class Flaky(TaskHandlerBase):
    """Fails in some way until its third attempt."""

    timeout = 1
    retry = RetryPolicy(max_attempts=3, delay=0.2, backoff=2, on=(OSError,))

    def __init__(self, how: str) -> None:
        self.how = how

    def handle(self, context: Any) -> Any:
        note(f"flaky {self.how}", attempt=context.attempt, key=context.idempotency_key)
        if context.attempt < 3:
            if self.how == "OSError":
                raise ConnectionError("no line")
            return Answers.handle(Answers(self.how), context)
        return self.success(f"attempt {context.attempt}")


class Keeps(TaskHandlerBase):
    """Keeps a cursor over a failure, a delay and a crash; only the two failures spend attempts."""

    retry = RetryPolicy(max_attempts=3)

    def handle(self, context: Any) -> Any:
        steps = [*(context.cursor or []), context.attempt]
        context.checkpoint(steps)
        match len(steps):
            case 1:
                raise OSError("first")
            case 2:
                return self.delay(0.1, "second")
            case 3:
                os.kill(os.getpid(), signal.SIGKILL)
        return self.success("kept", context.cursor)


class DelaysTwice(TaskHandlerBase):
    """Comes back twice, and may not fail once."""

    def handle(self, context: Any) -> Any:
        turn = (context.cursor or 0) + 1
        note("delays", turn=turn)
        context.checkpoint(turn)
        return self.delay(0.3, "not yet") if turn < 3 else self.success(f"turn {turn} in attempt {context.attempt}")


class PausesOnce(TaskHandlerBase):
    def handle(self, context: Any) -> Any:
        if context.cursor is None:
            context.checkpoint("asked")
            return self.pause("ask the accountant")
        return self.success(f"resumed in attempt {context.attempt}")


class Changes(TaskHandlerBase):
    """Lets ``handle_error`` decide what is stored."""

    retry = RetryPolicy(max_attempts=2)

    def __init__(self, to: str) -> None:
        self.to = to

    def handle(self, context: Any) -> Any:
        raise LookupError("no such row")

    def handle_error(self, context: Any, error: Any) -> Any:
        note("handle_error", attempt=context.attempt, error=repr(error.exception), message=error.message)
        match self.to:
            case "error":
                return self.error("changed", {"row": 4})
            case "skip":
                return self.skip("it was gone")
            case "raise":
                raise RuntimeError("worse")
        return error


class Progresses(TaskHandlerBase):
    """Tells how far it is until the file ``stop`` is there."""

    def __init__(self, stop: str) -> None:
        self.stop = stop

    def handle(self, context: Any) -> Any:
        while not os.path.exists(self.stop):
            context.progress(3, 7, "counting")
            time.sleep(0.01)
        return self.success("counted")
