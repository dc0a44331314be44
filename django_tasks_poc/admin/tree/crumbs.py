"""The way up from a task."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404
from django.utils.safestring import SafeString

from ...models import Task, TaskStage
from ..badges import line
from .rows import Url

#: Levels that the way up shows: the nearest of very many.
LEVELS = 10


@dataclass(frozen=True)
class Crumb:
    """A task on the way up, and the number of its stage that waits for the next."""

    url: str
    title: SafeString | str
    stage: int


def crumbs_of(task: Task, alias: str, url: Url) -> list[Crumb]:
    """Return the tasks above this one, the uppermost first; raise Http404 when one of them is gone."""
    crumbs: list[Crumb] = []
    stages = TaskStage.objects.using(alias).select_related("task")
    stages = stages.only("order", "task__title", "task__parent_stage")
    above = task.parent_stage_id
    while above is not None and len(crumbs) < LEVELS:
        if (stage := stages.filter(pk=above).first()) is None:
            raise Http404  # the whole tree was purged meanwhile
        crumbs.insert(0, Crumb(url(stage.task.uuid), line(stage.task.title, 60), stage.order + 1))
        above = stage.task.parent_stage_id
    return crumbs
