"""Doing a verb to tasks, one after the other, and what came of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db import OperationalError
from django.utils.translation import gettext as _

from ...exceptions import TaskError
from ...models import Task
from ...outcomes import VerbResult
from ...viewer import find_task
from .purge import purge
from .report import Report, gone, words_for
from .verb import Verb, why_not

_ACTS: dict[Verb, Callable[..., VerbResult]] = {
    Verb.PAUSE: Task.pause,
    Verb.RESUME: Task.resume,
    Verb.CANCEL: Task.cancel,
    Verb.RETRY: Task.retry_failed,
}


def act(verb: Verb, tasks: Sequence[Task], reason: str, by: str) -> Report:
    """Do the verb to each of the tasks, all of one database; what stands in the way of one holds up no other."""
    if verb == Verb.PURGE:
        return purge(tasks)
    report = Report()
    for task in tasks:
        result, words = _act(verb, task, reason, by)
        if result:
            report.done.append(task)
            report.stages += result.stages
            report.processes += result.processes
        else:
            report.skipped.append((task, words))
    return report


def _act(verb: Verb, task: Task, reason: str, by: Any) -> tuple[VerbResult, str]:
    try:
        result = _ACTS[verb](task, reason=reason, by=by)
    except (TaskError, OperationalError) as error:
        return VerbResult(), words_for(error)
    if result:
        return result, ""
    now = find_task(task.uuid)
    if now is None:
        return result, gone()
    nothing = _("Nothing in it failed.") if verb == Verb.RETRY else _("There was nothing to do.")
    return result, why_not(verb, now) or nothing
