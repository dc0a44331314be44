"""django-tasks-db: Django's tasks, in a table of the project's database. It has no groups, so the join is by hand."""

from __future__ import annotations

from collections.abc import Callable

import django
from django.core.management import call_command
from django.db import transaction
from django_tasks import task

from . import work

django.setup()

from django_tasks_db.models import DBTaskResult  # noqa: E402 (Django must be ready)

_children: list[str] = []


@task
def square(number: int) -> int:
    return work.square(number)


@task
def meeting() -> int:
    return work.meet()


@task
def total(jobs: list[str]) -> int:
    """Finish the children, whose jobs these are."""
    return work.total(_results(jobs), len(jobs))


def prepare() -> None:
    call_command("migrate", verbosity=0)


def meet() -> None:
    jobs = [str(meeting.enqueue().id) for _ in range(2)]
    work.until(lambda: _done(jobs) == 2, 0.01)


def start_one() -> Callable[[], bool]:
    job = str(square.enqueue(1).id)
    return lambda: _done([job]) == 1


def fan_out(children: int) -> None:
    with transaction.atomic():
        _children[:] = [str(square.enqueue(number).id) for number in range(children)]
    work.until(lambda: not _are_open(), work.JOIN_EVERY)
    last = str(total.enqueue(_children).id)
    work.until(lambda: _done([last]) == 1, work.JOIN_EVERY)


def stored() -> int:
    return len(_results(_children))


def _are_open() -> bool:
    """Look whether any job is left, which costs less than to look at each."""
    return DBTaskResult.objects.filter(finished_at=None).exists()


def _done(jobs: list[str]) -> int:
    return DBTaskResult.objects.filter(id__in=jobs).successful().count()


def _results(jobs: list[str]) -> list[int]:
    return list(DBTaskResult.objects.filter(id__in=jobs).successful().values_list("return_value", flat=True))
