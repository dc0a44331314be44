"""Stages as rows of the tree: what each is, how far it is, how long it took."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...models import Kind, Task, TaskStage
from ...models.stage import COUNTS
from ...options import TaskOptions
from ...states import State
from ...texts import about, amount, duration, one_line, short_amount
from .. import texts
from ..values import one_line_of

#: Characters of long texts that are read with a row.
_PARAMS, _MESSAGE = 2_000, 400
_COLUMNS = (
    "uuid", "task", "order", "kind", "state", "handler", "attempt", "attempt_base", "start", "due", "progress",
    "started_at", "finished_at", "duration",
)  # fmt: skip

Url = Callable[[UUID], str]


@dataclass(frozen=True)
class TreeRow:
    """A stage in the tree. ``share`` is how long it took, in percent of the longest in sight."""

    uuid: str
    url: str
    open_url: str
    number: int
    #: Its name and number.
    label: str
    is_finally: bool
    state: str
    word: str
    params: str
    note: str
    message: str
    is_failed: bool
    attempts: str
    attempts_title: str
    took: str
    share: float
    started: str
    started_title: str
    #: Not begun, so shown quietly.
    is_quiet: bool
    level: int
    position: int
    size: int


@dataclass(frozen=True)
class Place:
    """Where rows stand in the tree: their level, how many are in their group, and how many of these above them."""

    level: int = 1
    size: int = 0
    above: int = 0
    #: Whether the number of a stage is what tells it from the others, and so comes before its name.
    is_numbered: bool = False


def rows_of_stages(stages: QuerySet[TaskStage]) -> QuerySet[Any]:
    """Read what a row shows, and no more: long texts in part."""
    parts = {
        "message_part": Left("message", _MESSAGE),
        "params_part": Left("params", _PARAMS + 1),
        "response_part": Left("response", len(COUNTS)),
    }
    found: QuerySet[Any] = stages.only(*_COLUMNS).annotate(**parts)
    return found


def nested_of(stages: Iterable[Any], alias: str) -> dict[UUID, Task]:
    """Return the nested task of each stage that has one: the newest, which a stage that was run anew waits for."""
    keys = [stage.uuid for stage in stages]
    if not keys:
        return {}
    rows = Task.objects.using(alias).visible().filter(parent_stage__in=keys).order_by("created_at", "uuid")
    return {row.parent_stage_id: row for row in rows.defer("shared", "response", "options") if row.parent_stage_id}


def seconds_of(stage: Any, now: datetime) -> float | None:
    """Return how long a stage takes or took: with what it waited for; else the last start; None if it never ran."""
    if stage.started_at is None:
        return None
    if stage.state in (State.RUNNING, State.WAITING):
        return texts.seconds_between(stage.started_at, now)
    if stage.response_part == COUNTS and stage.finished_at is not None:
        return texts.seconds_between(stage.started_at, stage.finished_at)
    duration: float | None = stage.duration
    return duration


def longest(stages: Iterable[Any], now: datetime) -> float:
    """Return the seconds of the longest of these, at least a tenth of one: the scale of a page of rows."""
    return max([0.1, *(seconds_of(stage, now) or 0.0 for stage in stages)])


def tree_rows(
    stages: list[Any], nested: dict[UUID, Task], options: TaskOptions | None, place: Place, scale: float, url: Url,
    open_url: Url,
) -> list[TreeRow]:  # fmt: skip
    """Return the rows of stages read by ``rows_of_stages``."""
    now = timezone.now()
    return [
        _row(stage, nested.get(stage.uuid), options, place, index, scale, now, url(stage.uuid), open_url(stage.uuid))
        for index, stage in enumerate(stages, place.above + 1)
    ]


def _row(
    stage: Any, nested: Task | None, options: TaskOptions | None, place: Place, position: int, scale: float,
    now: datetime, url: str, open_url: str,
) -> TreeRow:  # fmt: skip
    attempts, title = attempts_of(stage, options)
    seconds = seconds_of(stage, now)
    state = State(stage.state) if stage.state in State.values else None
    return TreeRow(
        uuid=stage.uuid.hex, url=url, open_url=open_url, number=stage.order + 1, label=_label(stage, place),
        is_finally=stage.kind == Kind.FINALLY, state=state.lower() if state else "ready",
        word=str(state.label) if state else stage.state, params=one_line_of(stage.params_part, _PARAMS),
        note=_note(stage, nested, now), message=_message(stage), is_failed=stage.state == State.ERROR,
        attempts=attempts, attempts_title=title, took="" if seconds is None else duration(seconds),
        share=0.0 if seconds is None else min(100.0, 100 * seconds / scale), started=clock(stage.started_at, now),
        started_title=texts.moment(stage.started_at), is_quiet=stage.started_at is None,
        level=place.level, position=position, size=max(place.size, position),
    )  # fmt: skip


def _label(stage: Any, place: Place) -> str:
    name, number = name_of(stage.handler), stage.order + 1
    if stage.kind == Kind.FINALLY:
        return name
    return f"{number} {name}" if place.is_numbered else f"{name} {number}"


def name_of(handler: str) -> str:
    """Return the name of a handler's class out of its path."""
    return one_line(handler.rpartition(".")[2])


def attempts_of(stage: Any, options: TaskOptions | None) -> tuple[str, str]:
    """Return the attempts spent out of those allowed, and all starts in words."""
    if not stage.start:
        return "", ""
    spent = stage.attempt - stage.attempt_base
    title = ngettext("%(count)s start in all", "%(count)s starts in all", stage.start) % {"count": amount(stage.start)}
    if options is None:
        return amount(spent), title
    policy = options.retry_of(stage.handler, is_finally=stage.kind == Kind.FINALLY)
    return _("%(spent)s of %(most)s") % {"spent": amount(spent), "most": amount(policy.max_attempts)}, title


def _note(stage: Any, nested: Task | None, now: datetime) -> str:
    """Say what a stage waits for."""
    if stage.state == State.WAITING and nested is not None:
        words = ngettext(
            "waits for the %(count)s stage of “%(title)s”; no process",
            "waits for the %(count)s stages of “%(title)s”; no process",
            nested.total_count,
        )
        return words % {"count": amount(nested.total_count), "title": one_line(nested.title, 80)}
    if stage.state == State.READY and stage.due is not None and stage.due > now:
        left = about((stage.due - now).total_seconds())
        return (_("tries again in %s") if stage.attempt > stage.attempt_base else _("goes on in %s")) % left
    return ""


def _message(stage: Any) -> str:
    """Return its own words: how far it is while it runs, else its message or error."""
    if stage.state == State.RUNNING:
        return _progress(stage.progress)
    return one_line(stage.message_part, 240)


def _progress(text: str) -> str:
    """Say what a stage told last: “rows 412 of 500”."""
    try:
        done, total, message = msgspec.json.decode(text, type=tuple[float, float, str])
    except msgspec.MsgspecError:  # nothing yet, or no progress
        return ""
    words = one_line(message, 240)
    if total <= 0:
        return words
    amount = _("%(done)s of %(total)s") % {"done": short_amount(done), "total": short_amount(total)}
    return f"{words} {amount}".strip()


def clock(moment: datetime | None, now: datetime) -> str:
    """Return the time of a moment, or its date when it was not within half a day."""
    if moment is None:
        return ""
    local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    return f"{local:%H:%M:%S}" if abs((now - moment).total_seconds()) < 43_200 else date_format(local, "j M H:i")
