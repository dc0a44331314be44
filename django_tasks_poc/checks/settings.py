"""Checks of the setting DJANGO_TASKS_POC."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from ..conf import SETTING, config, problems
from ..storage.base import storage

#: ``check --tag`` of this name asks all checks of this package, and no others.
TAG = "django_tasks_poc"

#: Seconds. A manager beats every third of its lease, and on a busy machine a beat may come some seconds late.
_LEAST_LEASE = 6


def is_sound() -> bool:
    """Say whether the setting can be read; where it cannot, E001 says why, and other checks are silent."""
    return not any(problems(getattr(settings, SETTING, {})))


@register(TAG)
def check_settings(**_: Any) -> list[CheckMessage]:
    """Name what is wrong with the setting."""
    if not is_sound():
        return [
            Error(problem, hint=f"Change {SETTING} in the settings.", id="django_tasks_poc.E001")
            for problem in problems(getattr(settings, SETTING, {}))
        ]
    return [*(error for label in config().nodes for error in _check_storage(label)), *_check_progress_permission()]


def _check_storage(label: str) -> list[CheckMessage]:
    try:
        storage(label)
    except ImproperlyConfigured as error:
        hint = f"Name a whole storage in {SETTING}['NODES'][{label!r}]['STORAGE'], or leave it out."
        return [Error(str(error), hint=hint, id="django_tasks_poc.E002")]
    return []


def _check_progress_permission() -> list[CheckMessage]:
    if not (path := config().progress_permission):
        return []
    try:
        found = import_string(path)
    except ImportError as error:
        problem = str(error)
    else:
        if callable(found):
            return []
        problem = f"{path} is {type(found).__name__}, which cannot be called"
    return [
        Error(
            f"{SETTING}['PROGRESS_PERMISSION'] cannot be asked: {problem}.",
            hint="Name a function that is given (request, task) and answers True or False, or leave it out.",
            id="django_tasks_poc.E006",
        )
    ]


@register(TAG)
def check_lease(**_: Any) -> list[CheckMessage]:
    """Advise against a lease that a busy machine outlasts."""
    if not is_sound() or (lease := config().lease) >= _LEAST_LEASE:
        return []
    return [
        Warning(
            f"{SETTING}['LEASE'] is {lease:g} s: a manager that lives, but is {lease * 2 / 3:.3g} s late, loses its "
            "stages, which start again elsewhere.",
            hint=f"Set it to {_LEAST_LEASE} or more; the default is 30.",
            id="django_tasks_poc.W004",
        )
    ]
