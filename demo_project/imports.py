"""What the page of an import says, and how far it is: the same for the page and for its JSON."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst

from django_tasks_poc import State, TaskViewer, nodes
from django_tasks_poc.exceptions import TaskNotFound
from django_tasks_poc.lifecycle import is_served
from django_tasks_poc.models import Task
from django_tasks_poc.viewer import Metrics, TaskView

from .handlers.import_table import Parse

NODE = "default"
PARSE = f"{Parse.__module__}.{Parse.__qualname__}"


@dataclass(frozen=True)
class ImportPage:
    """An import now; ``done`` of ``total`` is its bar, and ``facts`` are its numbers by their names.

    The page shows the widget of the package; this is what a program gets.
    """

    task: TaskView
    state: State
    say: str
    done: float
    total: float
    facts: dict[str, str]
    is_open: bool
    needs_manager: bool

    @property
    def failed(self) -> int:
        """Return how many stages failed, whether its own or those of its batches."""
        return self.task.metrics.failed + (batches.failed if (batches := batches_of(self.task)) else 0)


def imports() -> QuerySet[Task]:
    """Return the tasks that import a table, the newest first (a UUID of version 7 begins with the time)."""
    tasks = Task.objects.roots().filter(node=NODE, stages__order=0, stages__handler=PARSE)
    return tasks.defer("shared", "options", "response").order_by("-uuid")


def may_watch(request: HttpRequest, task: Task) -> bool:
    """Let anybody watch an import, as anybody may send a table; no other task."""
    return imports().filter(uuid=task.uuid).exists()


def look_at(uuid: UUID) -> ImportPage:
    """Return how an import is doing, or raise TaskNotFound."""
    if not imports().filter(uuid=uuid).exists():
        raise TaskNotFound(f"There is no import {uuid}.")
    task = TaskViewer(NODE).get(uuid)
    done, total = bar(task)
    is_open = task.finished_at is None
    return ImportPage(task, seen(task.state), say(task), done, total, facts(task), is_open, needs_manager(task))


def seen(state: str) -> State:
    """Return the state as a person sees it: while a task waits for its batches, its work goes on."""
    return State.RUNNING if state == State.WAITING else State(state)


def say(task: TaskView) -> str:
    if task.state.is_final:
        what = capfirst(task.message) or f"{task.state.label}."
        return what if task.finished_at else f"{what} What still runs is being stopped."
    if task.state == State.PAUSED:
        return "Nothing new starts until it is resumed."
    if task.state == State.READY:
        return "Waiting for its turn."
    if (batches := batches_of(task)) is None:
        return f"Reading the table{percentage(task)}."
    if batches.finished < batches.count:
        return f"Loading the table in batches: {batches.finished:,} of {batches.count:,} are done."
    return f"Adding up what the batches loaded{percentage(task)}."


def percentage(task: TaskView) -> str:
    return f": {task.current[0].fraction:.0%}" if task.current and task.current[0].progress else ""


def bar(task: TaskView) -> tuple[float, float]:
    """Return how much is done of how much; the total is never 0."""
    batches = batches_of(task)
    if batches is not None and batches.count:
        return batches.finished, batches.count
    if task.state == State.SUCCESS:
        return 1, 1
    return (task.current[0].fraction if task.current else 0), 1


def facts(task: TaskView) -> dict[str, str]:
    batches, took = batches_of(task), clock(task.duration)
    if task.finished_at is not None:
        return (done_and_failed(batches) if batches else {}) | {"Time taken": took}
    if batches is None:  # named from the beginning, so that the page need not grow
        numbers = dict.fromkeys(("Batches done", "Batches failed", "Batches at work"), "–")
    else:
        numbers = done_and_failed(batches) | {"Batches at work": f"{batches.running:,}"}
    return numbers | {"Time so far": took}


def done_and_failed(batches: Metrics) -> dict[str, str]:
    return {
        "Batches done": f"{batches.finished:,} of {batches.count:,}",
        "Batches failed": f"{batches.failed:,}",
    }


def clock(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds:.1f}\N{NO-BREAK SPACE}s" if seconds < 60 else str(dt.timedelta(seconds=round(seconds)))


def batches_of(task: TaskView) -> Metrics | None:
    """Return how the batches are; None as long as the table is not cut into them."""
    return task.nested[-1].metrics if task.nested else None


def needs_manager(task: TaskView) -> bool:
    """Say whether it is open, and waits for a manager that nobody has started."""
    if task.finished_at is not None or task.state == State.PAUSED:
        return False
    return not is_served(NODE, nodes[NODE].database)
