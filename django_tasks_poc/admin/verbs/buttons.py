"""The buttons on the page of a task: those of the verbs that the reader has the right to."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from django.utils.translation import gettext as _

from ...models import Task
from ...states import State
from ...texts import amount
from .failures import failures_of
from .verb import Verb, why_not

#: What is drawn on each, in a square of 16.
_ICONS = {
    Verb.PAUSE: "M5 3v10M11 3v10",
    Verb.RESUME: "M5 3l8 5-8 5z",
    Verb.CANCEL: "M8 2a6 6 0 1 0 0 12A6 6 0 1 0 8 2M4 12l8-8",
    Verb.RETRY: "M13 8a5 5 0 1 1-1.6-3.7M13 2v3.2H9.8",
    Verb.PURGE: "M2.5 4h11M6 4V2h4v2M4 4l.7 10h6.6L12 4M6.7 7v4.5M9.3 7v4.5",
}


@dataclass(frozen=True)
class Button:
    """One button; it acts at once, or leads to a page that asks first."""

    name: str
    label: str
    url: str
    icon: str
    asks: bool
    #: Why it does nothing now; empty for one that does.
    reason: str
    #: How it looks: ``primary`` for the likely next step, ``danger`` for what stops.
    style: str


def buttons_of(task: Task, counted: Task, rights: Collection[Verb], url: Callable[[Verb], str]) -> list[Button]:
    """Return the buttons for the task; ``counted`` is the one whose numbers its page shows."""
    shown = [verb for verb in Verb if verb in rights and not why_not(verb, task)]
    failed = 0
    if Verb.RETRY in rights:
        failed = failures_of(task).count if task.finished_at is not None else counted.failed_count
        shown = [verb for verb in Verb if (verb in shown and verb != Verb.RETRY) or (verb == Verb.RETRY and failed)]
    if Verb.RESUME in rights and task.state == State.PAUSED and Verb.RESUME not in shown:
        shown.insert(0, Verb.RESUME)
    return [_button(verb, task, failed, url(verb)) for verb in shown]


def _button(verb: Verb, task: Task, failed: int, url: str) -> Button:
    reason = why_not(verb, task)
    style = "danger" if verb == Verb.CANCEL else "primary" if verb in (Verb.RESUME, Verb.RETRY) and not reason else ""
    return Button(verb.value, _label(verb, failed, reason), url, _ICONS[verb], verb.asks, reason, style)


def _label(verb: Verb, failed: int, reason: str) -> str:
    match verb:
        case Verb.PAUSE:
            return _("Pause")
        case Verb.RESUME:
            return _("Resume")
        case Verb.CANCEL:
            return _("Cancel…")
        case Verb.PURGE:
            return _("Purge…")
        case Verb.RETRY:
            words = _("Retry failed (%(count)s)") if reason else _("Retry failed (%(count)s)…")
            return words % {"count": amount(failed)}
