"""What came of a verb, and the words for what stands in its way."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import OperationalError
from django.utils.translation import gettext as _

from ...exceptions import TaskBusy, TaskError, TaskExists, TaskNotFound
from ...models import Task
from ...storage.orm.transient import is_transient
from ...texts import one_line


@dataclass
class Report:
    """What came of a verb."""

    done: list[Task] = field(default_factory=list)
    #: Those that nothing was done to, each with the reason.
    skipped: list[tuple[Task, str]] = field(default_factory=list)
    #: Those of ``done`` that are hidden, and are still to be deleted by a manager.
    hidden: list[Task] = field(default_factory=list)
    stages: int = 0
    processes: int = 0


def words_for(error: TaskError | OperationalError) -> str:
    """Say what stands in the way; raise again what is no answer to the person who asked."""
    match error:
        case TaskNotFound():
            return gone()
        case TaskExists():
            words = _("Another task with the same unique key is open, %(uuid)s: wait for it, or cancel it.")
            return words % {"uuid": error.uuid}
        case TaskBusy():
            return _("It is busy. %(reason)s") % {"reason": one_line(str(error), 400)}
        case TaskError():
            return one_line(str(error), 400)
        case _ if is_transient(error):
            return _("The database was too busy; try again.")
    raise error


def gone() -> str:
    """Say that a task is not there."""
    return _("It is not here any more: perhaps it was purged.")
