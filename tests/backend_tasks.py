"""Functions that the tests of the backend enqueue."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from django.db import transaction

from django_tasks_poc import RetryPolicy
from django_tasks_poc.models import Task

try:
    from django.tasks import task
except ImportError:
    from django_tasks import task


class Refused(Exception):
    """Raised by a function."""


@task
def add(a: int, b: int = 1) -> int:
    return a + b


@task()
def echo(*args: Any, **kwargs: Any) -> Any:
    return [list(args), kwargs]


@task
async def add_async(a: int, b: int) -> int:
    return a + b


@task
def give(what: str) -> Any:
    return {"none": None, "bytes": b"text", "tuple": (1, (2,)), "object": object(), "nan": float("nan")}[what]


@task
def fail(kind: str = "ours") -> None:
    raise {"ours": Refused("no:\nreally"), "builtin": ValueError("bad"), "plain": Refused()}[kind]


@task
def leave() -> None:
    raise SystemExit(3)


@task
def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@task
def sleep(seconds: float) -> None:
    time.sleep(seconds)


@task(takes_context=True)
def describe(context: Any, word: str) -> dict[str, Any]:
    result = context.task_result
    return {
        "word": word,
        "attempt": context.attempt,
        "id": result.id,
        "status": result.status,
        "worker_ids": result.worker_ids,
        "errors": len(result.errors),
    }


@task(takes_context=True)
def succeed_at(context: Any, attempt: int) -> int:
    if context.attempt < attempt:
        raise Refused(f"attempt {context.attempt}")
    return context.attempt


patient = succeed_at.using(retry=RetryPolicy(max_attempts=3), timeout=60)


@task(queue_name="mail", priority=7)
def post() -> str:
    return "posted"


@task
def enqueue_more(count: int) -> list[str]:
    return [add.enqueue(number).id for number in range(count)]


@task
def enqueue_and_fail() -> None:
    with transaction.atomic():
        add.enqueue(1)
        raise Refused("rolled back")


@task
def title_of_mine() -> str:
    return Task.objects.get(title="title_of_mine").title


def plain() -> None:
    """No task."""


renamed = task(plain)
