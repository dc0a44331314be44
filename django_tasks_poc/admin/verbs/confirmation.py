"""The page that asks before a verb acts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from ...models import Task
from ...texts import amount, one_line
from ..tree.rows import clock
from .effects import Effect, effects_of
from .failures import Failures, failures_of
from .texts import TEXTS
from .verb import Verb, why_not

#: Tasks that are named.
NAMED = 20


@dataclass(frozen=True)
class Confirmation:
    """What the template shows."""

    verb: str
    title: str
    crumb: str
    lead: str
    effects: list[Effect]
    #: The only task; None for several.
    task: Task | None
    #: The first of several tasks, and how many more there are.
    titles: list[str]
    more: str
    #: Tasks that nothing would be done to, each with the reason; if that is so of all, nothing is asked.
    skipped: list[tuple[str, str]]
    skipped_more: str
    can: bool
    after: str
    submit: str
    keep: str


def confirmation(verb: Verb, tasks: Sequence[Task], now: datetime | None = None) -> Confirmation:
    """Return the page about tasks of one database."""
    failures = failures_of(*tasks) if verb == Verb.RETRY else Failures()
    reasons = {task.uuid: _why_not(verb, task, failures) for task in tasks}
    chosen = [task for task in tasks if not reasons[task.uuid]]
    left = [(one_line(task.title, 80), reasons[task.uuid]) for task in tasks if reasons[task.uuid]]
    about, is_one = chosen or tasks, len(tasks) == 1
    texts, is_many = TEXTS[verb], len(about) > 1
    return Confirmation(
        verb=verb, title=texts.asked(about), crumb=str(texts.crumb), lead=str(texts.lead[is_many]),
        effects=effects_of(verb, chosen, failures) if chosen else [], task=tasks[0] if is_one else None,
        titles=[] if is_one else [one_line(task.title, 120) for task in chosen[:NAMED]], more=_more(len(chosen)),
        skipped=left[:NAMED], skipped_more=_more(len(left)), can=bool(chosen), after=_after(verb, now),
        submit=str(texts.submit[is_many]), keep=str(texts.keep[is_many]),
    )  # fmt: skip


def _why_not(verb: Verb, task: Task, failures: Failures) -> str:
    if reason := why_not(verb, task):
        return reason
    return _("Nothing in it failed.") if verb == Verb.RETRY and task.uuid not in failures.tasks else ""


def _after(verb: Verb, now: datetime | None) -> str:
    now = now or timezone.now()
    as_of = _("As of %(time)s.") % {"time": clock(now, now)}
    return f"{as_of} {TEXTS[verb].after}".strip()


def _more(count: int) -> str:
    return _("and %(count)s more") % {"count": amount(count - NAMED)} if count > NAMED else ""
