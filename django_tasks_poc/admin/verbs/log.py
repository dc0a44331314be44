"""The history of the admin: one entry for each task that something was done to."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.http import HttpRequest

from ...models import Task
from ...texts import one_line
from .verb import Verb

#: In English whoever acts: the history is of the whole project.
_WORDS = {
    Verb.PAUSE: "Paused",
    Verb.RESUME: "Resumed",
    Verb.CANCEL: "Canceled",
    Verb.RETRY: "Retried what had failed",
    Verb.PURGE: "Purged",
}


def log(request: HttpRequest, verb: Verb, tasks: Sequence[Task], reason: str) -> None:
    """Write the entries, in one statement, with the reason."""
    if not tasks:
        return
    words = f"{_WORDS[verb]}: {one_line(reason, 400)}" if reason else f"{_WORDS[verb]}."
    flag = DELETION if verb == Verb.PURGE else CHANGE
    LogEntry.objects.log_actions(request.user.pk, tasks, flag, words)  # type: ignore[arg-type]  # any rows will do
