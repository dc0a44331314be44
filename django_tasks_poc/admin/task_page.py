"""All that the page of a task shows, in a number of queries that grows with its depth only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from ..entities import OnError
from ..models import Task, TaskEvent, TaskStage
from ..options import TaskOptions
from ..texts import duration, one_line, visible
from . import texts
from .badges import ago, badge, exact, line, task_badge
from .sentence import sentence
from .stage_pager import StagePager
from .stage_rows import Url
from .values import Shown, show_json

#: Levels that the way up shows, and events.
LEVELS, EVENTS = 10, 100


@dataclass(frozen=True)
class Crumb:
    """A task on the way up, and the number of its stage that waits for the next."""

    url: str
    title: SafeString | str
    stage: int


@dataclass(frozen=True)
class EventRow:
    """Who did what, when and why."""

    at: SafeString | str
    by: str
    verb: str
    reason: str


@dataclass(frozen=True)
class TaskPage:
    """What the template shows."""

    uuid: str
    title: str
    badge: SafeString
    state_badge: SafeString
    sentence: str
    counts: str
    message: str
    crumbs: list[Crumb]
    is_deep: bool
    shared: Shown
    response: Shown
    details: list[tuple[str, Any]]
    events: list[EventRow]
    stages: StagePager


def task_page(task: Task, parameters: Any, url: Url) -> TaskPage:
    """Return the page of the task; ``parameters`` are those of the address."""
    alias, options = task._state.db or "default", TaskOptions.readable(task.options)
    crumbs = _crumbs(task, alias, url)
    return TaskPage(
        uuid=str(task.uuid), title=visible(task.title), badge=task_badge(task.state),
        state_badge=badge(task.state), sentence=sentence(task, alias), counts=texts.counts(task),
        message=_message(task), crumbs=crumbs, is_deep=task.depth > len(crumbs),
        shared=show_json(task.shared), response=show_json(task.response), details=_details(task, options),
        events=_events(task, alias), stages=StagePager.of(task, alias, options, parameters, url),
    )  # fmt: skip


def _crumbs(task: Task, alias: str, url: Url) -> list[Crumb]:
    """Return the tasks above this one, the uppermost first; only the nearest of very many."""
    crumbs: list[Crumb] = []
    stages = TaskStage.objects.using(alias).select_related("task")
    stages = stages.only("order", "task__title", "task__parent_stage")
    above = task.parent_stage_id
    while above is not None and len(crumbs) < LEVELS:
        stage = stages.get(pk=above)
        crumbs.insert(0, Crumb(url(stage.task.uuid), line(stage.task.title, 60), stage.order + 1))
        above = stage.task.parent_stage_id
    return crumbs


def _message(task: Task) -> str:
    """Return the message, unless the sentence has it whole."""
    is_told = task.finished_at is not None and one_line(task.message, texts.SENTENCE) == visible(task.message)
    return "" if is_told else visible(task.message)


def _details(task: Task, options: TaskOptions | None) -> list[tuple[str, Any]]:
    details: list[tuple[str, Any]] = [
        ("Node", task.node),
        ("Mode", _mode(task)),
        ("On error", _on_error(task)),
        ("Priority", task.priority),
        ("Created", exact(task.created_at)),
        ("Started", exact(task.started_at)),
        ("Finished", exact(task.finished_at)),
    ]
    if task.due is not None:
        details.insert(4, ("Starts at", exact(task.due)))
    for name, text in (("Created by", task.created_by), ("Unique key", task.unique_key), ("Queue", task.queue)):
        if text:
            details.append((name, visible(text)))
    if task.response_type:
        details.append(("Type of the response", visible(task.response_type)))
    if options is None:
        details.append(("Options", "They cannot be read."))
    elif options.finally_ is not None:
        name = options.finally_.handler.rpartition(".")[2]
        details.append(("Finally", f"{one_line(name)}, however the task ends"))
    if options is not None and options.timeout is not None:
        details.append(("Timeout", duration(options.timeout)))
    return details


def _mode(task: Task) -> str:
    if not task.parallel:
        return "one stage after another"
    if task.max_parallel is None:
        return "stages side by side"
    return f"stages side by side, at most {task.max_parallel:,} at once"


def _on_error(task: Task) -> str:
    if task.on_error == OnError.STOP:
        return "stops at the first failed stage"
    if task.max_failures is None:
        return "goes on when a stage fails"
    return f"goes on when a stage fails, stops above {task.max_failures:,} failed"


def _events(task: Task, alias: str) -> list[EventRow]:
    rows = TaskEvent.objects.using(alias).filter(task_id=task.uuid).order_by("-at")[:EVENTS]
    return [
        EventRow(ago(row.at), one_line(row.by) or "unknown", one_line(row.verb), visible(row.reason)) for row in rows
    ]
