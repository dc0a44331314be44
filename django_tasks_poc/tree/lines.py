"""A tree as lines of text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import msgspec
from django.utils import timezone

from ..states import State
from ..texts import one_line, width
from .nodes import TreeAttempt, TreeEvent, TreeStage, TreeTask
from .reading import LEVELS

PARAMS, TEXT = 44, 100  # characters
PLACE = re.compile(r'File "(.+)", line (\d+), in (\S+)')


@dataclass(frozen=True)
class Branch:
    """One line of the tree, and what hangs below it.

    ``note`` is what differs from run to run; ``share`` is how much is done, 0 to 1, of what is at work.
    """

    name: str
    state: str = ""
    text: str = ""
    note: str = ""
    seconds: float | None = None
    share: float | None = None
    below: tuple[Branch, ...] = ()

    def lines(self, first: str = "", rest: str = "") -> Iterator[tuple[str, Branch]]:
        """Yield this branch and all below, each behind the strokes that lead to it."""
        yield f"{first}{self.name}", self
        for number, branch in enumerate(self.below, 1):
            is_last = number == len(self.below)
            yield from branch.lines(f"{rest}{'└─' if is_last else '├─'} ", f"{rest}{'   ' if is_last else '│  '}")


def text_of(branch: Branch) -> str:
    """Return the tree as text: names, states and words, and nothing that differs from run to run."""
    lines = list(branch.lines())
    column = max(width(name) for name, _ in lines)
    states = max(len(one.state) for _, one in lines)
    rows = (f"{pad(name, column)}  {one.state:<{states}}  {one.text}".rstrip() for name, one in lines)
    return "\n".join(rows)


def pad(text: str, cells: int) -> str:
    """Fill the text up with blanks to so many cells of a terminal."""
    return text + " " * (cells - width(text))


def branch_of(task: TreeTask) -> Branch:
    """Return what is to be told of a task."""
    below = [_stage(stage) for stage in task.stages]
    if task.hidden:
        below.append(_rest(task))
    if task.hidden_nested:
        below.append(Branch(f"… and {task.hidden_nested:,} nested tasks more"))
    below += [_event(event) for event in task.events]
    # A sequential task says what its last stage said; once is enough.
    text = one_line(task.message, TEXT) if task.parallel else ""
    is_counted = task.finished_at is None and task.parallel
    note = f"{task.finished:,} of {task.total:,}" if is_counted else ""
    share = None if task.finished_at is not None else task.fraction
    return Branch(one_line(task.title), task.state, text, note, task.duration, share, tuple(below))


def _rest(task: TreeTask) -> Branch:
    count = sum(task.hidden.values())
    words = ", ".join(f"{count:,} {state}" for state, count in task.hidden.items())
    if not task.stages:
        return Branch(f"… and {count:,} more below level {LEVELS}", text=words, note=f"task_tree {task.uuid}")
    return Branch(f"… and {count:,} more", text=words)


def _stage(stage: TreeStage) -> Branch:
    handler = one_line(stage.handler.rpartition(".")[2])
    name = f"finally: {handler}" if stage.is_finally else f"{stage.order + 1:,}. {handler}"
    texts = [one_line(stage.message, TEXT), _response(stage), _starts(stage)]
    below = [_attempt(attempt, stage.message) for attempt in stage.attempts] + [branch_of(one) for one in stage.nested]
    return Branch(
        f"{name}{_params(stage)}",
        stage.state,
        one_line(" ".join(filter(None, texts)), TEXT),
        _note(stage),
        stage.duration,
        stage.fraction if stage.state == State.RUNNING and stage.progress is not None else None,
        tuple(below),
    )


def _note(stage: TreeStage) -> str:
    if stage.progress is not None:
        done, total, message = stage.progress
        return one_line(f"{done:,g} of {total:,g} {message}", TEXT)
    if stage.due is None:
        return ""
    due = timezone.localtime(stage.due) if timezone.is_aware(stage.due) else stage.due
    return f"again at {due:%H:%M:%S}"


def _params(stage: TreeStage) -> str:
    params = _decoded(stage.params)
    text = _named(params) if isinstance(params, dict) else str(params)
    return f"({one_line(text, PARAMS)})" if text else ""


def _response(stage: TreeStage) -> str:
    if not stage.response:
        return ""
    value = _decoded(stage.response)
    if stage.response_type and isinstance(value, dict):
        return f"→ {stage.response_type.rpartition('.')[2]}({_named(value)})"
    return f"→ {stage.response if value is stage.response else json.dumps(value)}"


def _named(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in values.items())


def _decoded(text: str) -> Any:
    """Return what the JSON says, or else the text itself: it may be the beginning of a long one."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _starts(stage: TreeStage) -> str:
    """Tell the starts where one was not enough; delays and pauses are starts, but no attempts."""
    if stage.start < 2:
        return ""
    return f"({stage.start} starts, {stage.attempt} attempt{'s' if stage.attempt > 1 else ''})"


def _attempt(attempt: TreeAttempt, told: str) -> Branch:
    """Return the post-mortem of a start, without what the stage itself has told already."""
    facts = [] if attempt.message == told else [attempt.message.rstrip(".")]
    if places := PLACE.findall(attempt.traceback):
        path, line, function = places[-1]
        facts.append(f"at {PurePath(path).name}:{line} in {function}")
    if attempt.signal is not None and f"signal {attempt.signal}" not in attempt.message:
        facts.append(f"ended by signal {attempt.signal}")
    note = f"peak memory {attempt.max_rss / 1024:.0f} MiB" if attempt.max_rss else ""
    text = one_line(", ".join(facts), TEXT)
    return Branch(f"attempt {attempt.attempt}", attempt.outcome, text, note, attempt.duration)


def _event(event: TreeEvent) -> Branch:
    return Branch(one_line(event.verb), text=one_line(f"by {event.by or 'somebody'}: {event.reason}", TEXT))
