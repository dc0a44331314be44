"""django-q2: a queue and results in the project's database. Its groups are waited for, so the join is by hand."""

from __future__ import annotations

from collections.abc import Callable

import django
from django.core.management import call_command
from django.db import transaction

from . import work

django.setup()

from django_q.models import Task  # noqa: E402 (Django must be ready)
from django_q.tasks import async_task, count_group, result_group  # noqa: E402

_GROUP = "squares"


def total(group: str, children: int) -> int:
    """Finish the children of a group."""
    return work.total(result_group(group), children)


def prepare() -> None:
    call_command("migrate", verbosity=0)


def meet() -> None:
    jobs = [async_task(work.meet) for _ in range(2)]
    work.until(lambda: _done(jobs) == 2, 0.01)


def start_one() -> Callable[[], bool]:
    job = async_task(work.square, 1)
    return lambda: _done([job]) == 1


def fan_out(children: int) -> None:
    with transaction.atomic():
        for number in range(children):
            async_task(work.square, number, group=_GROUP)
    work.until(lambda: count_group(_GROUP) == children, work.JOIN_EVERY)
    last = async_task(total, _GROUP, children)
    work.until(lambda: _done([last]) == 1, work.JOIN_EVERY)


def stored() -> int:
    return Task.objects.filter(group=_GROUP, success=True, result__isnull=False).count()


def _done(jobs: list[str]) -> int:
    return Task.objects.filter(id__in=jobs, success=True).count()
