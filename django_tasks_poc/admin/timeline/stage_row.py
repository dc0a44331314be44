"""The row of one stage: its starts as bars, and lines where it had no process."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext, ngettext

from ...models import AttemptOutcome, Kind, Task, TaskStage
from ...states import State
from ...texts import amount, duration, one_line
from .axis import Axis
from .rows import Bar, Line, Pause, Row

#: How a failed start is drawn; one that is not the stage's own fault is not red.
_STATES = {
    AttemptOutcome.CANCELED: State.CANCELED,
    AttemptOutcome.LOST: State.CANCELED,
    AttemptOutcome.INTERRUPTED: State.CANCELED,
}


def stage_row(
    stage: TaskStage, attempts: list[Any], nested: Task | None, axis: Axis, level: int, url: str, *,
    is_parallel: bool, is_slowest: bool = False,
) -> Row:  # fmt: skip
    """Return the row of a stage, with its failed starts and the nested task that it built last."""
    state = State(stage.state) if stage.state in State.values else None
    bars = [_failed_start(row, axis) for row in attempts]
    lines: list[Line] = []
    if stage.started_at is not None:
        _last_start(stage, bars, lines, nested, axis, is_told=bool(attempts) and attempts[-1].start == stage.start)
        _delays(stage, bars, lines, axis, is_whole=(attempts[0].start if attempts else stage.start) == 1)
    took = _took(stage, axis)
    name = _name(stage, is_parallel=is_parallel)
    return Row(
        key=stage.uuid.hex, level=level, name=name, label=_label(name, stage, state, bars, axis), url=url,
        state=state or State.READY,
        note=_note(stage, is_slowest=is_slowest), end=duration(took), bars=tuple(bars), lines=tuple(lines),
    )  # fmt: skip


def _failed_start(row: Any, axis: Axis) -> Bar:
    end = axis.at(row.ended_at)
    start = end if row.started_at is None else axis.at(row.started_at)
    word = "" if row.outcome == AttemptOutcome.ERROR else str(AttemptOutcome(row.outcome).label).lower()
    if row.outcome == AttemptOutcome.CRASHED and row.signal is not None:
        word = gettext("killed")
    return Bar(_STATES.get(row.outcome, State.ERROR), start, end, word)


def _last_start(
    stage: TaskStage, bars: list[Bar], lines: list[Line], nested: Task | None, axis: Axis, *, is_told: bool
) -> None:
    """Add the start that the row of the stage itself tells of, and the wait behind it."""
    assert stage.started_at is not None
    first = bars[-1].end if bars else axis.at(stage.started_at)
    if nested is not None and stage.state in (State.WAITING, State.SUCCESS, State.ERROR, State.CANCELED):
        built = axis.at(nested.created_at)
        end = axis.end if stage.finished_at is None else axis.at(stage.finished_at)
        bars.append(Bar(State.SUCCESS, min(first, built), built))
        lines.append(Line(Pause.WAIT, built, end))
    elif stage.state == State.RUNNING:
        bars.append(Bar(State.RUNNING, first, axis.end))
    elif stage.state == State.PAUSED:
        bars.append(Bar(State.PAUSED, first, min(first + (stage.duration or 0.0), axis.end)))
    elif stage.finished_at is not None and not is_told:
        end = axis.at(stage.finished_at)
        start = first if stage.duration is None else max(first, end - stage.duration)
        # A state that this version does not know is drawn like one that came to nothing.
        bars.append(Bar(State(stage.state) if stage.state in State.values else State.CANCELED, start, end))


def _delays(stage: TaskStage, bars: list[Bar], lines: list[Line], axis: Axis, *, is_whole: bool) -> None:
    """Add a line in front of each start that did not follow at once, and up to the next one that is due.

    Where not all starts are known (``is_whole``), a line stands for those that only asked for a delay.
    """
    assert stage.started_at is not None
    before = bars[0].start if is_whole and bars else axis.at(stage.started_at)
    for bar in bars:
        if bar.start - before > axis.span / 1000:
            lines.append(Line(Pause.DELAY, before, bar.start))
        before = bar.end
    if stage.state == State.READY and stage.due is not None:
        due = (stage.due - axis.start).total_seconds()
        lines.append(Line(Pause.DELAY, before, min(max(due, axis.end), axis.span)))


def _took(stage: TaskStage, axis: Axis) -> float | None:
    if stage.started_at is None:
        return None
    end = axis.end if stage.finished_at is None else axis.at(stage.finished_at)
    return end - axis.at(stage.started_at)


def _name(stage: TaskStage, *, is_parallel: bool) -> str:
    name = one_line(stage.handler.rpartition(".")[2], 60)
    if stage.kind == Kind.FINALLY:
        return gettext("Finally: %(name)s") % {"name": name}
    return f"{name} {amount(stage.order + 1)}" if is_parallel else f"{amount(stage.order + 1)} {name}"


def _note(stage: TaskStage, *, is_slowest: bool) -> str:
    if stage.state == State.WAITING:
        return gettext("waits")
    if stage.start > 1:
        return f"×{amount(stage.start)}"
    return gettext("slowest") if is_slowest else ""


def _label(name: str, stage: TaskStage, state: State | None, bars: list[Bar], axis: Axis) -> str:
    if not bars:
        return gettext("%(name)s: not begun") % {"name": name}
    begin = axis.at(stage.started_at) if stage.started_at is not None else bars[0].start
    took = duration(_took(stage, axis))
    sentence = ngettext(
        "%(name)s: %(state)s; one start, at %(begin)s; took %(took)s",
        "%(name)s: %(state)s; %(starts)s starts, the first at %(begin)s; took %(took)s",
        stage.start,
    )
    return sentence % {
        "name": name, "state": state.label if state is not None else stage.state, "starts": stage.start,
        "begin": duration(begin), "took": took,
    }  # fmt: skip
