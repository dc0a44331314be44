"""The stages of a task for its page: some at a time, each with its failed starts and its nested tasks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Left, Length, Right
from django.utils import timezone
from django.utils.safestring import SafeString

from ..models import Kind, StageAttempt, Task, TaskStage
from ..options import TaskOptions
from ..states import State
from ..texts import cut, duration, one_line, visible
from . import texts
from .badges import ago, badge, line, task_badge
from .values import Shown, show_json

#: Characters of params and response that are read with a row of many, and with one on its own.
SHORT, WHOLE = 4_000, 1 << 24
#: Characters of the end of a traceback or an output; failed starts and nested tasks of one page.
TAIL, ATTEMPTS, NESTED = 8_000, 200, 200

Url = Callable[[UUID], str]


@dataclass(frozen=True)
class AttemptRow:
    """A start that failed."""

    start: int
    attempt: int
    how: str
    message: str
    took: str
    cpu: str
    memory: str
    where: str
    ended: SafeString | str
    blocks: list[tuple[str, str]]


@dataclass(frozen=True)
class NestedRow:
    """A nested task, to go down to."""

    url: str
    title: SafeString | str
    badge: SafeString
    counts: str


@dataclass(frozen=True)
class StageRow:
    """A stage."""

    order: int
    name: str
    path: str
    is_finally: bool
    badge: SafeString
    tries: str
    starts: str
    message: str
    is_failed: bool
    took: str
    started: SafeString | str
    params: Shown
    response: Shown
    traceback: str
    attempts: list[AttemptRow]
    nested: list[NestedRow]

    @property
    def number(self) -> int:
        return self.order + 1

    @property
    def has_more(self) -> bool:
        return bool(self.params or self.response or self.traceback or self.attempts)


def stage_rows(stages: QuerySet[TaskStage], limit: int, options: TaskOptions | None, url: Url) -> list[StageRow]:
    """Return the rows of these stages, which are few, in three queries; ``limit`` is SHORT or WHOLE."""
    alias = stages.db
    found: list[Any] = list(_cut(stages, ("traceback",), params=limit, response=limit))
    keys = [stage.uuid for stage in found]
    attempts, nested = defaultdict(list), defaultdict(list)
    starts = StageAttempt.objects.using(alias).filter(stage__in=keys).order_by("-ended_at", "-start")
    for attempt in _cut(starts, ("traceback", "stdout", "stderr"))[:ATTEMPTS]:
        attempts[attempt.stage_id].append(attempt)
    below = Task.objects.using(alias).visible().filter(parent_stage__in=keys).order_by("-created_at")
    for row in below.defer("shared", "response", "options")[:NESTED]:
        nested[row.parent_stage_id].append(
            NestedRow(url(row.uuid), line(row.title, 80), task_badge(row.state), texts.counts(row))
        )
    return [_stage_row(stage, limit // 8, options, attempts[stage.uuid], nested[stage.uuid]) for stage in found]


def _cut(rows: QuerySet[Any], tails: Iterable[str], **heads: int) -> QuerySet[Any]:
    """Read the long texts of rows in part only, as ``<name>_part``, with ``<name>_size`` for the heads."""
    tails = tuple(tails)
    parts: dict[str, Any] = {f"{name}_part": Right(name, TAIL) for name in tails}
    parts |= {f"{name}_part": Left(name, limit) for name, limit in heads.items()}
    parts |= {f"{name}_size": Length(name) for name in heads}
    found: QuerySet[Any] = rows.annotate(**parts).defer(*tails, *heads)
    return found


def _stage_row(
    stage: Any, limit: int, options: TaskOptions | None, attempts: list[Any], nested: list[NestedRow]
) -> StageRow:
    is_finally = stage.kind == Kind.FINALLY
    tries, starts = _tries(stage, options)
    return StageRow(
        order=stage.order, name=one_line(stage.handler.rpartition(".")[2]), path=visible(stage.handler),
        is_finally=is_finally, badge=badge(stage.state), tries=tries, starts=starts,
        message=cut(stage.message, limit), is_failed=stage.state == State.ERROR, took=_took(stage),
        started=ago(stage.started_at), params=_value(stage, "params"), response=_value(stage, "response"),
        # The traceback of its last start is the stage's own; shown once.
        traceback="" if any(row.traceback_part == stage.traceback_part for row in attempts)
        else visible(stage.traceback_part),
        attempts=[_attempt_row(row) for row in attempts], nested=nested,
    )  # fmt: skip


def _tries(stage: TaskStage, options: TaskOptions | None) -> tuple[str, str]:
    if not stage.start:
        return "–", "never started"
    spent = stage.attempt - stage.attempt_base
    tries = f"{spent:,}"
    if options is not None:
        policy = options.retry_of(stage.handler, is_finally=stage.kind == Kind.FINALLY)
        tries = f"{spent:,} of {policy.max_attempts:,}"
    return tries, f"attempts in all: {stage.attempt:,}, starts: {stage.start:,}, lost: {stage.lost:,}"


def _took(stage: TaskStage) -> str:
    if stage.state in (State.RUNNING, State.WAITING):
        return duration(texts.seconds_between(stage.started_at, timezone.now()))
    return duration(stage.duration)


def _value(stage: Any, name: str) -> Shown:
    text, length = getattr(stage, f"{name}_part"), getattr(stage, f"{name}_size") or 0
    if length > len(text):
        return Shown(note=f"{length:,} characters: open the stage to see them.")
    return Shown() if text == "{}" else show_json(text)


def _attempt_row(row: Any) -> AttemptRow:
    how = row.get_outcome_display()
    if ended := texts.ending(row.exit_code, row.signal):
        how = f"{how}: {ended}"
    cpu = None if row.user_cpu is None else row.user_cpu + (row.system_cpu or 0.0)
    where = [texts.short_host(row.host)] if row.host else []
    if row.pid is not None:
        where.append(f"pid {row.pid}")
    took = texts.seconds_between(row.started_at, row.ended_at)
    blocks = [("Traceback", row.traceback_part), ("stderr", row.stderr_part), ("stdout", row.stdout_part)]
    return AttemptRow(
        start=row.start, attempt=row.attempt, how=how, message=visible(row.message), took=duration(took),
        cpu=duration(cpu), memory=texts.size(row.max_rss * 1024) if row.max_rss is not None else "–",
        where=", ".join(where) or "–", ended=ago(row.ended_at),
        blocks=[(name, visible(text)) for name, text in blocks if text],
    )  # fmt: skip
