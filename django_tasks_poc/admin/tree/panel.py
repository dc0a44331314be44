"""All there is to know of one stage: what came of it, why it failed, how its starts went, and what it was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ...models import Kind, Task, TaskStage
from ...models.stage import COUNTS
from ...options import TaskOptions
from ...states import State
from ...texts import cut, duration, visible
from .. import texts
from ..badges import badge, exact, line, task_badge
from ..values import Shown, show_json
from .attempts import AttemptRow, Output, attempt_rows, outputs_of
from .rows import Url, attempts_of
from .sources import Source, source_of
from .tracebacks import Fold, fold

#: Characters of a message on a page, and nested tasks of one stage.
_MESSAGE, _NESTED = 16_000, 20
#: The texts of a stage that may be downloaded whole.
DOWNLOADS = ("params", "response", "cursor")


@dataclass(frozen=True)
class NestedLink:
    """A nested task of the stage, to go down to."""

    url: str
    title: SafeString | str
    badge: SafeString
    counts: str


@dataclass(frozen=True)
class StagePanel:
    """What the panel and the page of a stage show."""

    uuid: str
    key: UUID
    state: str
    badge: SafeString
    is_failed: bool
    #: The first line of the message, and the others.
    message: str
    detail: str
    traceback: list[Fold]
    traceback_attempt: int
    attempts: list[AttemptRow]
    #: The start whose output is shown.
    chosen: int | None
    chosen_attempt: int
    outputs: list[Output]
    source: Source
    params: Shown
    response: Shown
    cursor: Shown
    facts: list[tuple[str, Any]]
    nested: list[NestedLink]


def stage_panel(stage: TaskStage, parameters: Mapping[str, str], task_url: Url) -> StagePanel:
    """Return the panel; the parameter ``attempt`` is the start whose output is shown."""
    options = TaskOptions.readable(stage.task.options)
    attempt, outputs = outputs_of(stage, _start(parameters.get("attempt", "")))
    chosen = None if attempt is None else attempt.start
    first, _newline, rest = cut(stage.message, _MESSAGE).strip().partition("\n")
    is_finally = stage.kind == Kind.FINALLY
    traceback, of_attempt = _traceback(stage, attempt)
    return StagePanel(
        uuid=stage.uuid.hex, key=stage.uuid, state=stage.state.lower() if stage.state in State.values else "ready",
        badge=badge(stage.state), is_failed=stage.state == State.ERROR, message=first,
        detail=rest.strip("\n"), traceback=fold(traceback), traceback_attempt=of_attempt,
        attempts=attempt_rows(stage, -1 if chosen is None else chosen), chosen=chosen,
        chosen_attempt=0 if attempt is None else attempt.attempt, outputs=outputs,
        source=source_of(stage.handler, is_finally=is_finally), params=show_json(stage.params),
        response=Shown() if stage.response.startswith(COUNTS) else show_json(stage.response),
        cursor=show_json(stage.cursor), facts=_facts(stage, options), nested=_nested(stage, task_url),
    )  # fmt: skip


def _start(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _traceback(stage: TaskStage, attempt: Any) -> tuple[str, int]:
    """Return the traceback of the chosen start, else the stage's own, and the number of its attempt."""
    if attempt is not None and attempt.traceback:
        return attempt.traceback, attempt.attempt
    if stage.state == State.ERROR and (attempt is None or attempt.start == stage.start):
        return stage.traceback, stage.attempt
    return "", 0


def _facts(stage: TaskStage, options: TaskOptions | None) -> list[tuple[str, Any]]:
    spent, starts = attempts_of(stage, options)
    facts: list[tuple[str, Any]] = []
    if spent:
        facts.append((_("Attempts"), f"{spent}; {starts}"))
    if stage.due is not None and stage.due > timezone.now():
        facts.append((_("Runs again"), exact(stage.due)))
    if stage.started_at is not None:
        facts.append((_("Started"), exact(stage.started_at)))
    if stage.finished_at is not None:
        facts.append((_("Finished"), exact(stage.finished_at)))
    limit = options.timeout_of(stage.handler) if options is not None else None
    if limit is not None:
        facts.append((_("Timeout"), duration(limit)))
    if options is not None and options.is_atomic(stage.handler):
        facts.append((_("Atomic"), _("its writes and its outcome are one transaction")))
    if stage.response_type:
        facts.append((_("Type of the response"), visible(stage.response_type)))
    return facts


def _nested(stage: TaskStage, task_url: Url) -> list[NestedLink]:
    rows = Task.objects.using(stage._state.db).visible().filter(parent_stage_id=stage.uuid).order_by("-created_at")
    return [
        NestedLink(task_url(row.uuid), line(row.title, 120), task_badge(row.state), texts.counts(row))
        for row in rows.defer("shared", "response", "options")[:_NESTED]
    ]
