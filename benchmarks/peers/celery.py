"""Celery: messages in Redis, a chord, and results where the settings say."""

from __future__ import annotations

from collections.abc import Callable

import django
from celery import Celery, chord
from celery.result import AsyncResult
from django.core.management import call_command

from . import work

app = Celery("peers")
app.config_from_object("django.conf:settings", namespace="CELERY")

square, meeting, total = (app.task(job, name=job.__name__) for job in (work.square, work.meet, work.total))
_children: list[AsyncResult] = []


def prepare() -> None:
    django.setup()
    call_command("migrate", verbosity=0)


def meet() -> None:
    # A worker does it by itself.
    django.setup()
    jobs = [meeting.delay() for _ in range(2)]
    work.until(lambda: all(job.successful() for job in jobs), 0.01)


def start_one() -> Callable[[], bool]:
    return square.delay(1).successful


def fan_out(children: int) -> None:
    last = chord(square.s(number) for number in range(children))(total.s(children))
    work.until(last.successful, work.JOIN_EVERY)
    _children[:] = last.parent.results


def stored() -> int:
    return sum(child.successful() and child.result is not None for child in _children)
