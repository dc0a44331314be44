"""What a task does now, or what came of it, in one sentence."""

from __future__ import annotations

import msgspec
from django.utils import timezone

from ..lifecycle import is_served
from ..models import Task, TaskEvent, TaskStage
from ..serialization import from_json
from ..states import OPEN, State
from ..texts import about, duration, one_line
from .texts import SENTENCE, counts, seconds_between


def sentence(task: Task, alias: str) -> str:
    """Return the sentence; foreign text in it still has to be escaped."""
    if task.state not in State.values:
        return f"It is in a state that this version does not know, {one_line(task.state)}, and nobody works on it."
    match task.state:
        case State.PAUSED:
            return _paused(task, alias)
        case state if State(state).is_final:
            return _ended(task)
        case _ if task.parallel and task.running_count + task.waiting_count:
            return _side_by_side(task)
        case _:
            return _current(task, alias)


def _ended(task: Task) -> str:
    word = str(State(task.state).label)
    if task.finished_at is None:
        return f"{word}; {task.open_count:,} of {task.total_count:,} stages are still to be closed."
    if (took := seconds_between(task.started_at, task.finished_at)) is not None:
        word = f"{word} after {duration(took)}"
    return f"{word}: {one_line(task.message, SENTENCE)}" if task.message else f"{word}."


def _paused(task: Task, alias: str) -> str:
    if task.pause_root not in (None, task.uuid):
        return "Paused with a task above it."
    event = TaskEvent.objects.using(alias).filter(task_id=task.uuid, verb="pause").order_by("-at").first()
    if event is None:
        return f"Paused by a stage: {one_line(task.message, SENTENCE)}" if task.message else "Paused."
    by = f" by {one_line(event.by)}" if event.by else ""
    why = f": “{one_line(event.reason, SENTENCE)}”" if event.reason else ""
    return f"Paused{by} {about((timezone.now() - event.at).total_seconds())} ago{why}."


def _side_by_side(task: Task) -> str:
    facts = [f"{task.running_count:,} running"] if task.running_count else []
    if task.waiting_count:
        facts.append(f"{task.waiting_count:,} waiting for nested tasks")
    return f"Stages side by side on node {task.node}: {counts(task)}; {', '.join(facts)}."


def _current(task: Task, alias: str) -> str:
    rows = TaskStage.objects.using(alias).filter(task_id=task.uuid, state__in=OPEN).order_by("order")
    stage = rows.only("order", "handler", "state", "progress", "due").first()
    if stage is None:
        return f"{counts(task)}; about to end."
    name = f"stage {stage.order + 1:,} of {task.total_count:,}, {stage.handler.rpartition('.')[2]}"
    if stage.state == State.RUNNING:
        return f"Running {name}, on node {task.node}{_progress(stage)}."
    if stage.state == State.WAITING:
        return f"{name[0].upper()}{name[1:]}, waits for {_nested(stage, alias)}."
    due = stage.due or task.due
    if due is not None and (left := (due - timezone.now()).total_seconds()) > 0:
        return f"{name[0].upper()}{name[1:]}, starts in {about(left)} on node {task.node}."
    if not is_served(task.node, alias):
        return f"Waits for a manager: none is running on node {task.node}. Start one: manage.py run_task_manager"
    return f"Waits for its turn on node {task.node}: {name}."


def _progress(stage: TaskStage) -> str:
    try:
        done, total, message = from_json(stage.progress)
        return f"; {done:,.0f} of {total:,.0f} {one_line(message)}".rstrip()
    except (msgspec.MsgspecError, TypeError, ValueError):
        return ""


def _nested(stage: TaskStage, alias: str) -> str:
    rows = Task.objects.using(alias).visible().filter(parent_stage_id=stage.uuid, finished_at__isnull=True)
    nested = rows.defer("shared", "response", "options").first()
    return f"“{one_line(nested.title)}”: {counts(nested)}" if nested is not None else "its nested task"
