"""What a task is doing, in one sentence for those who wait for it: no handlers, no exceptions, no words of ours."""

from __future__ import annotations

from datetime import datetime

import msgspec
from django.utils import timezone
from django.utils.translation import gettext

from ..models import Task, TaskStage
from ..states import State
from ..texts import about, amount, duration, one_line

#: An estimate needs so many stages that ended, and such a share of all.
_ENOUGH, _SHARE = 20, 0.05
#: Characters of a message.
_LIMIT = 200


def sentence(task: Task, shown: Task, running: TaskStage | None) -> str:
    """Say how far the task is; ``shown`` is whose stages are counted, ``running`` the stage that tells its progress."""
    numbers = {"done": amount(shown.finished_count), "total": amount(shown.total_count)}
    match task.state:
        case State.SUCCESS | State.SKIPPED:
            return _done(task)
        case State.ERROR:
            return gettext("Stopped at %(done)s of %(total)s") % numbers if _stopped(shown) else _done(task)
        case State.CANCELED:
            return gettext("Canceled at %(done)s of %(total)s") % (numbers | {"done": amount(_succeeded(shown))})
        case State.PAUSED:
            return gettext("Paused at %(done)s of %(total)s") % numbers
        case State.READY | State.PROMISED:
            return _to_come(task)
        case _:
            return _at_work(task, shown, running, numbers)


def _done(task: Task) -> str:
    """Say what came out of it. The message of a failed task is left out: it may be that of an exception."""
    values = {"took": duration(_seconds(task.started_at, task.finished_at)), "message": one_line(task.message, _LIMIT)}
    if task.state == State.ERROR:
        return gettext("Ended after %(took)s") % values
    return (gettext("Done in %(took)s: %(message)s") if task.message else gettext("Done in %(took)s")) % values


def _to_come(task: Task) -> str:
    if task.due is not None and (left := _seconds(timezone.now(), task.due)) and left > 0:
        return gettext("Begins in about %(left)s") % {"left": about(left)}
    return gettext("Will begin soon")


def _at_work(task: Task, shown: Task, running: TaskStage | None, numbers: dict[str, str]) -> str:
    if running is not None and (told := _told(running)):
        return told
    if shown.uuid == task.uuid and not task.parallel:
        if task.total_count == 1:
            return gettext("At work")
        step = min(task.finished_count + 1, task.total_count)
        return gettext("Step %(step)s of %(total)s") % (numbers | {"step": amount(step)})
    if not shown.open_count:
        return gettext("%(done)s of %(total)s done, finishing") % numbers
    if (left := _left(shown)) is None:
        return gettext("%(done)s of %(total)s done") % numbers
    return gettext("%(done)s of %(total)s done, about %(left)s left") % (numbers | {"left": left})


def _told(stage: TaskStage) -> str:
    """Return what a handler said with ``context.progress``; it is meant to be read."""
    try:
        done, total, message = msgspec.json.decode(stage.progress, type=tuple[float, float, str])
    except msgspec.MsgspecError:  # nothing yet
        return ""
    values = {"done": amount(done), "total": amount(total), "message": one_line(message, _LIMIT)}
    return (gettext("%(done)s of %(total)s %(message)s") % values).strip()


def _left(shown: Task) -> str | None:
    """Estimate how long it will still take at the pace so far; None as long as that would be a guess."""
    done, total = shown.finished_count, shown.total_count
    if done < max(_ENOUGH, total * _SHARE) or shown.started_at is None:
        return None
    spent = (timezone.now() - shown.started_at).total_seconds()
    left = spent * (total - done) / done
    step = 5 if left < 60 else 60 if left < 3600 else 600
    return about(max(step, round(left / step) * step))


def _stopped(shown: Task) -> bool:
    """Say whether stages were left out because of failures."""
    return shown.canceled_count > 0


def _succeeded(shown: Task) -> int:
    return shown.finished_count - shown.canceled_count


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds()
