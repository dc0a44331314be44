"""A task as a tree of lines: its stages, their failed attempts, and the tasks nested in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from textwrap import shorten
from typing import Any

from django_tasks_poc.models import Kind, StageAttempt, Task, TaskEvent, TaskStage

PARAMS, TEXT = 44, 100  # characters
PLACE = re.compile(r'File "(.+)", line (\d+), in (\S+)')


@dataclass(frozen=True)
class Branch:
    """One line of the tree, and what hangs below it."""

    name: str
    state: str
    seconds: float | None
    text: str
    below: tuple[Branch, ...] = ()

    def lines(self, first: str = "", rest: str = "") -> Iterator[tuple[str, Branch]]:
        """Yield this branch and all below, each behind the strokes that lead to it."""
        yield f"{first}{self.name}", self
        for number, branch in enumerate(self.below, 1):
            is_last = number == len(self.below)
            yield from branch.lines(f"{rest}{'└─' if is_last else '├─'} ", f"{rest}{'   ' if is_last else '│  '}")


def tree_of(task: Task) -> Branch:
    """Return the task as it is now."""
    stages = tuple(_stage(stage) for stage in task.stages.order_by("order"))
    events = tuple(_event(event) for event in task.events.order_by("at"))
    # A sequential task says what its last stage said; once is enough.
    text = task.message if task.parallel else ""
    return Branch(task.title, task.state, _seconds(task.started_at, task.finished_at), text, stages + events)


def _stage(stage: TaskStage) -> Branch:
    attempts = tuple(_attempt(attempt, stage.message) for attempt in stage.attempts.order_by("start"))
    nested = tuple(tree_of(task) for task in stage.nested_tasks.visible().order_by("created_at"))
    handler = stage.handler.rpartition(".")[2]
    name = f"finally: {handler}" if stage.kind == Kind.FINALLY else f"{stage.order + 1}. {handler}"
    texts = [stage.message, _response(stage), _starts(stage)]
    return Branch(
        f"{name}{_params(stage)}",
        stage.state,
        stage.duration,
        shorten("  ".join(filter(None, texts)), TEXT, placeholder=" …"),
        attempts + nested,
    )


def _params(stage: TaskStage) -> str:
    params = ", ".join(f"{name}={value!r}" for name, value in stage.params_value.items())
    return f"({shorten(params, PARAMS, placeholder=' …')})" if params else ""


def _response(stage: TaskStage) -> str:
    response: Any = stage.response_value
    if response is None or stage.waited:
        return ""
    return f"→ {response!r}" if stage.response_type else f"→ {json.dumps(response)}"


def _starts(stage: TaskStage) -> str:
    """Tell the starts where one was not enough; delays and pauses are starts, but no attempts."""
    if stage.start < 2:
        return ""
    return f"({stage.start} starts, {stage.attempt} attempt{'s' if stage.attempt > 1 else ''})"


def _attempt(attempt: StageAttempt, told: str) -> Branch:
    """Return the post-mortem of a start, without what the stage itself has told already."""
    facts = [] if attempt.message == told else [attempt.message.rstrip(".")]
    if places := PLACE.findall(attempt.traceback):
        path, line, function = places[-1]
        facts.append(f"at {PurePath(path).name}:{line} in {function}")
    if attempt.signal is not None and f"signal {attempt.signal}" not in attempt.message:
        facts.append(f"ended by signal {attempt.signal}")
    if attempt.max_rss:
        facts.append(f"peak memory {attempt.max_rss / 1024:.0f} MiB")
    seconds = _seconds(attempt.started_at, attempt.ended_at)
    return Branch(f"attempt {attempt.attempt}", attempt.outcome, seconds, ", ".join(facts))


def _event(event: TaskEvent) -> Branch:
    return Branch(event.verb, "", None, f"by {event.by or 'somebody'}: {event.reason}")


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start is not None and end is not None else None
