"""Which stages of a task a page shows, and the addresses of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet

from ..models import Task, TaskStage
from ..options import TaskOptions
from ..states import State
from .stage_rows import SHORT, WHOLE, StageRow, Url, stage_rows

PAGE = 50
_MOST = 2**31 - 1

#: The states behind a choice: what is left is ready, or was paused by a stage.
_CHOICES = {
    "ERROR": ("Failed", "error_count", (State.ERROR,)),
    "RUNNING": ("Running", "running_count", (State.RUNNING,)),
    "WAITING": ("Waiting", "waiting_count", (State.WAITING,)),
    "SUCCESS": ("Succeeded", "success_count", (State.SUCCESS,)),
    "SKIPPED": ("Skipped", "skipped_count", (State.SKIPPED,)),
    "CANCELED": ("Canceled", "canceled_count", (State.CANCELED,)),
    "READY": ("Left", "ready_count", (State.READY, State.PAUSED)),
}


@dataclass(frozen=True)
class Choice:
    """A link that shows the stages of one state."""

    label: str
    count: int
    url: str
    is_chosen: bool


@dataclass(frozen=True)
class StagePager:
    """One page of stages: by order from a given one on, so any page costs the same; or one stage on its own."""

    rows: list[StageRow]
    choices: list[Choice]
    total: int
    is_single: bool
    previous: str = ""
    next: str = ""

    @classmethod
    def of(cls, task: Task, alias: str, options: TaskOptions | None, parameters: Any, url: Url) -> StagePager:
        """Read the page: ``stage`` is the order of the only one, ``p`` of the first one, ``state`` their state."""
        stages = TaskStage.objects.using(alias).filter(task_id=task.uuid)
        if (only := _order(parameters.get("stage"))) is not None:
            found = stage_rows(stages.filter(order=only), WHOLE, options, url)
            return cls(found, [], task.total_count, is_single=True)
        state = parameters.get("state", "")
        state = state if state in _CHOICES else ""
        if state:
            stages = stages.filter(state__in=_CHOICES[state][2])
        first = _order(parameters.get("p")) or 0
        rows = stage_rows(stages.filter(order__gte=first).order_by("order")[: PAGE + 1], SHORT, options, url)
        return cls(
            rows[:PAGE], list(_choices(task, state)), task.total_count, is_single=False,
            previous=_previous(stages, first, state) if first else "",
            next=_address(state, rows[PAGE].order) if len(rows) > PAGE else "",
        )  # fmt: skip


def _order(text: str | None) -> int | None:
    try:
        return min(max(int(text or ""), 0), _MOST)
    except ValueError:
        return None


def _address(state: str, first: int = 0) -> str:
    values = {name: value for name, value in (("state", state), ("p", first)) if value}
    return f"?{urlencode(values)}"


def _previous(stages: QuerySet[TaskStage], first: int, state: str) -> str:
    before = stages.filter(order__lt=first).order_by("-order").values_list("order", flat=True)[:PAGE]
    orders = list(before)
    return _address(state, orders[-1]) if orders else ""


def _choices(task: Task, chosen: str) -> list[Choice]:
    choices = [Choice("All", task.total_count, _address(""), not chosen)]
    for name, (label, counter, _) in _CHOICES.items():
        if (count := getattr(task, counter)) or name == chosen:
            choices.append(Choice(label, count, _address(name), name == chosen))
    return choices
