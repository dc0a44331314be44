"""What the widget shows of a task, from two or three queries however many stages there are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.template.loader import render_to_string
from django.utils.translation import ngettext

from ..models import Task, TaskStage
from ..node import databases
from ..states import State
from ..texts import amount, visible
from .bar import Segment, segments
from .sentence import sentence

#: A task of more steps is told by its own numbers, so that no page looks at each of them for what it built.
_STEPS = 100

TEMPLATE = "django_tasks_poc/_progress.html"


@dataclass(frozen=True)
class Face:
    """What a person sees of a task; ``percent`` is a whole number, below 100 until the task has ended."""

    title: str
    state: State
    is_finished: bool
    percent: int
    say: str
    failures: str
    segments: list[Segment]

    @property
    def kind(self) -> str:
        return self.state.lower()


def find(uuid: UUID) -> Task | None:
    """Return the task from whichever node's database has it, without what is large; None when none does."""
    for alias in databases():
        rows = Task.objects.using(alias).visible().defer("shared", "options", "response")
        if (task := rows.filter(uuid=uuid).first()) is not None:
            return task
    return None


def face(task: Task) -> Face:
    """Return what is to be seen of a task now, as its row was read."""
    # Where it was read from: its node may have left the settings.
    alias = task._state.db or DEFAULT_DB_ALIAS
    # A state of a newer version is at work, as far as this one can tell.
    state = State(task.state) if task.state in State.values else State.RUNNING
    shown = _fan_out(task, alias) or task
    is_finished = task.finished_at is not None
    percent = 100 * shown.finished_count // shown.total_count if shown.total_count else 100
    failed = shown.error_count
    failures = ngettext("%(count)s failed", "%(count)s failed", failed) % {"count": amount(failed)}
    return Face(
        title=visible(task.title),
        state=State.RUNNING if state == State.WAITING else state,  # while it waits for its fan-out its work goes on
        is_finished=is_finished,
        percent=percent if is_finished else min(percent, 99),
        say=sentence(task, shown, _running(task, alias)),
        failures=failures if failed else "",
        segments=segments(shown),
    )


def _fan_out(task: Task, alias: str) -> Task | None:
    """Return the nested task that was built last for a stage of a task: whose stages a person counts."""
    if task.parallel or task.total_count > _STEPS or not task.started_at:
        return None
    rows = Task.objects.using(alias).visible().filter(parent_stage__task=task.uuid)
    return rows.defer("shared", "options", "response").order_by("-created_at", "-uuid").first()


def _running(task: Task, alias: str) -> TaskStage | None:
    """Return the stage that runs, if it is the only one."""
    if task.parallel or not task.running_count:
        return None
    rows = TaskStage.objects.using(alias).filter(task=task.uuid, state=State.RUNNING).order_by("order")
    return rows.only("uuid", "progress").first()


def render(task: Task) -> tuple[str, str]:
    """Return the inside of the widget as HTML, and the entity tag by which it is known to be the same."""
    html = render_to_string(TEMPLATE, {"face": face(task)})
    return html, f'"{hashlib.sha256(html.encode()).hexdigest()[:32]}"'
