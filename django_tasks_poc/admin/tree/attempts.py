"""The starts of a stage, one below the other: how each ended, and what is known of its death."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from typing import Any

from django.db.models.functions import Left
from django.utils.translation import gettext as _

from ...models import AttemptOutcome, StageAttempt, TaskStage
from ...states import State
from ...texts import duration, one_line, visible
from .. import texts
from ..badges import ago

#: Starts that are shown, the newest first; characters of a message that are read.
MOST, _MESSAGE = 100, 2_000

_CLASS = re.compile(r"^([A-Za-z_]\w*(?:\.\w+)*)(?::|$)")


@dataclass(frozen=True)
class AttemptRow:
    """A start, its numbers as words. ``icon`` is a state, ``timeout`` or ``killed``."""

    start: int
    attempt: int
    icon: str
    how: str
    why: str
    took: str
    cpu: str
    memory: str
    where: str
    ended: Any
    is_chosen: bool
    #: Whether there is a post-mortem of it.
    is_failed: bool = True


@dataclass(frozen=True)
class Output:
    """What a process wrote at the end of its life."""

    name: str
    text: str


def attempt_rows(stage: TaskStage, chosen: int) -> list[AttemptRow]:
    """Return the starts that failed, the newest first, below the last one when that did not."""
    read = StageAttempt.objects.using(stage._state.db).filter(stage_id=stage.uuid).order_by("-start", "-ended_at")
    rows = read.defer("traceback", "stdout", "stderr", "message").annotate(message_part=Left("message", _MESSAGE))
    found = [_row(row, chosen) for row in rows[:MOST]]
    if stage.start and not any(row.start == stage.start for row in found):
        found.insert(0, _last(stage))
    return found


def outputs_of(stage: TaskStage, chosen: int | None) -> tuple[StageAttempt | None, list[Output]]:
    """Return the start of that number, or the newest that failed, and what it wrote."""
    rows = StageAttempt.objects.using(stage._state.db).filter(stage_id=stage.uuid).order_by("-start", "-ended_at")
    row = (rows.filter(start=chosen) if chosen is not None else rows).first()
    if row is None:
        return None, []
    texts_of = (("stderr", row.stderr), ("stdout", row.stdout))
    return row, [Output(name, visible(text.rstrip())) for name, text in texts_of if text.strip()]


def _row(row: Any, chosen: int) -> AttemptRow:
    icon, how = _how(row)
    cpu = None if row.user_cpu is None else row.user_cpu + (row.system_cpu or 0.0)
    where = [texts.short_host(row.host)] if row.host else []
    if row.pid is not None:
        where.append(_("pid %s") % row.pid)
    return AttemptRow(
        start=row.start, attempt=row.attempt, icon=icon, how=how, why=_why(row),
        took=duration(texts.seconds_between(row.started_at, row.ended_at)), cpu=duration(cpu),
        memory=_memory(row.max_rss), where=", ".join(where) or "–", ended=ago(row.ended_at),
        is_chosen=row.start == chosen,
    )  # fmt: skip


def _last(stage: TaskStage) -> AttemptRow:
    """Return the last start of a stage, of which no post-mortem was written."""
    state = State(stage.state) if stage.state in State.values else None
    return AttemptRow(
        start=stage.start, attempt=stage.attempt, icon=state.lower() if state else "ready",
        how=str(state.label) if state else one_line(stage.state), why="", took=duration(stage.duration),
        cpu=duration(stage.cpu), memory=_memory(stage.max_rss), where="–", ended=ago(stage.finished_at),
        is_chosen=False, is_failed=False,
    )  # fmt: skip


def _how(row: Any) -> tuple[str, str]:
    """Return the icon, and how the start ended in a few words."""
    match row.outcome:
        case AttemptOutcome.ERROR:
            named = _CLASS.match(row.message_part)
            return "error", _("Failed with %s") % named[1] if named else _("Failed")
        case AttemptOutcome.TIMED_OUT:
            took = duration(texts.seconds_between(row.started_at, row.ended_at))
            return "timeout", _("Timed out after %s") % took
        case AttemptOutcome.CRASHED if row.signal is not None:
            return "killed", _("Killed by %s") % texts.ending(None, row.signal)
        case AttemptOutcome.CRASHED:
            return "killed", _("Ended without an outcome")
        case AttemptOutcome.CANCELED:
            return "canceled", _("Canceled")
        case AttemptOutcome.LOST:
            return "killed", _("Lost")
        case AttemptOutcome.INTERRUPTED:
            return "paused", _("Interrupted")
    return "error", one_line(row.get_outcome_display())


def _why(row: Any) -> str:
    """Say how the process ended, and what that may mean."""
    facts = []
    if row.signal is not None and row.outcome != AttemptOutcome.CRASHED:
        facts.append(texts.ending(None, row.signal))
    elif row.exit_code is not None and row.signal is None:
        facts.append(texts.ending(row.exit_code, None))
    if row.outcome == AttemptOutcome.CRASHED and row.signal == signal.SIGKILL:
        facts.append(_("not sent by its manager: perhaps the system ran out of memory"))
    elif row.message_part:
        facts.append(one_line(row.message_part, 240))
    return "; ".join(facts)


def _memory(kibibytes: int | None) -> str:
    return "–" if kibibytes is None else texts.size(kibibytes * 1024)
