"""What the page of a task shows beside its tree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from ..models import Task, TaskEvent
from ..options import TaskOptions
from ..states import State
from ..texts import amount, duration, one_line, visible
from . import texts
from .badges import badge, exact, task_badge
from .sentence import sentence
from .tree.branch import mode_of
from .tree.crumbs import Crumb, crumbs_of
from .tree.rows import Url, clock, name_of
from .values import Shown, show_json

#: Events that are shown, the newest first.
EVENTS = 50


@dataclass(frozen=True)
class EventRow:
    """Who did what, when and why."""

    at: str
    title: str
    by: str
    did: str
    reason: str


@dataclass(frozen=True)
class TaskPage:
    """What the template shows; what may be large is read when it is asked for, which the live parts do not."""

    task: Task
    #: The task whose counts are shown: the nested one that it waits for, if any.
    counted: Task
    uuid: str
    title: str
    badge: SafeString
    sentence: str
    message: str
    meta: list[tuple[str, str, str]]
    crumbs: list[Crumb]
    is_deep: bool
    details: list[tuple[str, Any]]
    events: list[EventRow]
    finished: str

    @property
    def shared(self) -> Shown:
        return show_json(self.task.shared)

    @property
    def response(self) -> Shown:
        return show_json(self.task.response)


def task_page(task: Task, url: Url) -> TaskPage:
    """Return the page of the task; the addresses of others are made by ``url``."""
    alias, options, now = task._state.db or "default", TaskOptions.readable(task.options), timezone.now()
    crumbs = crumbs_of(task, alias, url)
    return TaskPage(
        task=task, counted=counted_of(task), uuid=str(task.uuid), title=visible(task.title),
        badge=task_badge(task.state), sentence=sentence(task, alias), message=_message(task), meta=_meta(task, now),
        crumbs=crumbs, is_deep=task.depth > len(crumbs), details=_details(task, options),
        events=events_of(task, alias, now), finished=clock(task.finished_at, now),
    )  # fmt: skip


def counted_of(task: Task) -> Task:
    """Return the task whose counts stand for this one: the nested one that it waits for, if it does."""
    if task.parallel or not task.waiting_count:
        return task
    below = Task.objects.using(task._state.db).visible().filter(finished_at__isnull=True, parent_stage__task=task.uuid)
    return below.filter(parent_stage__state=State.WAITING).defer("shared", "response", "options").first() or task


def _message(task: Task) -> str:
    """Return the message of an ended task, unless the sentence has it whole."""
    if task.finished_at is None:
        return ""
    is_told = one_line(task.message, texts.SENTENCE) == visible(task.message)
    return "" if is_told else visible(task.message)


def _meta(task: Task, now: datetime) -> list[tuple[str, str, str]]:
    """Return the few facts beside the sentence: what, the value, and the exact value."""
    meta = []
    if not task.parallel and task.total_count > 1:
        here = min(task.finished_count + 1, task.total_count)
        place = _("%(number)s of %(total)s") % {"number": amount(here), "total": amount(task.total_count)}
        meta.append((_("Stage"), place, ""))
    took = texts.seconds_between(task.started_at, task.finished_at or now)
    if took is not None:
        meta.append((_("Ran for") if task.finished_at else _("Running for"), duration(took), ""))
    by = one_line(task.created_by)
    at = clock(task.created_at, now)
    built = _("%(at)s by %(by)s") % {"at": at, "by": by} if by else at
    meta.append((pgettext("moment", "Built"), built, texts.moment(task.created_at)))
    meta.append((_("Node"), task.node, ""))
    return meta


def _details(task: Task, options: TaskOptions | None) -> list[tuple[str, Any]]:
    details: list[tuple[str, Any]] = [(_("Mode"), mode_of(task)), (_("Priority"), task.priority)]
    if task.state == State.WAITING:
        details.append((_("State"), badge(task.state)))
    moments = (
        (_("Starts at"), task.due), (pgettext("moment", "Built"), task.created_at), (_("Started"), task.started_at),
        (_("Finished"), task.finished_at),
    )  # fmt: skip
    details += [(name, exact(moment)) for name, moment in moments if moment is not None]
    for name, text in (
        (_("Built by"), task.created_by), (_("Unique key"), task.unique_key), (_("Queue"), task.queue),
        (_("Type of the response"), task.response_type),
    ):  # fmt: skip
        if text:
            details.append((name, visible(text)))
    if options is None:
        details.append((_("Options"), _("They cannot be read.")))
    elif options.finally_ is not None:
        words = _("%s, however the task ends") % name_of(options.finally_.handler)
        details.append((_("Finally"), words))
    if options is not None and options.timeout is not None:
        details.append((_("Timeout"), duration(options.timeout)))
    return details


def events_of(task: Task, alias: str, now: datetime) -> list[EventRow]:
    """Return who paused, resumed, canceled or retried the task, the newest first, and who built it."""
    did = {
        "pause": _("paused it"), "resume": _("resumed it"), "cancel": _("canceled it"),
        "retry_failed": _("retried what had failed"), "retry": _("retried what had failed"),
    }  # fmt: skip
    rows = [
        EventRow(
            clock(row.at, now), texts.moment(row.at), one_line(row.by) or _("Somebody"),
            did.get(row.verb) or one_line(row.verb), visible(row.reason),
        )
        for row in TaskEvent.objects.using(alias).filter(task_id=task.uuid).order_by("-at")[:EVENTS]
    ]  # fmt: skip
    by = one_line(task.created_by) or _("A program")
    return [*rows, EventRow(clock(task.created_at, now), texts.moment(task.created_at), by, _("built it"), "")]
