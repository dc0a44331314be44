"""django-ox: Django's tasks, in a table of the project's database. A cron ends its batches, so the join is by hand."""

from __future__ import annotations

from collections.abc import Callable

import django
from django.core.management import call_command
from django.tasks import task

from . import work

django.setup()

from django_ox.bulk import enqueue_many  # noqa: E402 (Django must be ready)
from django_ox.models import OxTask  # noqa: E402

#: Jobs that a worker takes at once.
SLOTS = 4
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
    jobs = [meeting.enqueue().id for _ in range(2 * SLOTS)]
    work.until(lambda: _done(jobs) == len(jobs), 0.01)


def start_one() -> Callable[[], bool]:
    job = square.enqueue(1).id
    return lambda: _done([job]) == 1


def fan_out(children: int) -> None:
    results = enqueue_many(square, [((number,), {}) for number in range(children)])
    _children[:] = [result.id for result in results]
    work.until(lambda: not _are_open(), work.JOIN_EVERY)
    last = total.enqueue(_children).id
    work.until(lambda: _done([last]) == 1, work.JOIN_EVERY)


def stored() -> int:
    return len(_results(_children))


def _are_open() -> bool:
    """Look whether any job is left, which costs less than to look at each."""
    return OxTask.objects.filter(status__in=[OxTask.Status.READY, OxTask.Status.RUNNING]).exists()


def _done(jobs: list[str]) -> int:
    return OxTask.objects.filter(id__in=jobs, status=OxTask.Status.SUCCESSFUL).count()


def _results(jobs: list[str]) -> list[int]:
    done = OxTask.objects.filter(id__in=jobs, status=OxTask.Status.SUCCESSFUL)
    return list(done.values_list("return_value", flat=True))
