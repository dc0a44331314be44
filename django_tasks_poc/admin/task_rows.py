"""The rows of the task list: what each task does, how far it is and since when, read for all of them at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from uuid import UUID

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..models import Task, TaskEvent, TaskStage
from ..states import OPEN, State
from ..texts import amount, duration, one_line
from .badges import ago, line, task_badge
from .sentence import STAGE_FIELDS, Scene, say
from .served import served
from .texts import seconds_between

#: Characters of a title and of what is said under it; the page of the task has them whole.
_TITLE, _SAY = 120, 160


@dataclass(frozen=True)
class TaskRow:
    """What the list shows of a task."""

    task: Task
    id: str
    key: str
    url: str
    title: SafeString | str
    label: str
    badge: SafeString
    say: str
    is_bad: bool
    counted: Task
    count: str
    failed: str
    took: str
    built: SafeString | str


def task_rows(tasks: list[Task], alias: str, site: str) -> list[TaskRow]:
    """Return the rows in at most five queries."""
    nested = _nested(alias, [task for task in tasks if not task.parallel and task.waiting_count])
    scenes = _scenes(tasks, nested, alias)
    return [_row(task, nested.get(task.uuid, task), scenes.get(task.uuid, Scene()), site) for task in tasks]


def _row(task: Task, counted: Task, scene: Scene, site: str) -> TaskRow:
    is_bad = task.state == State.ERROR
    failed = ngettext("%(count)s failed", "%(count)s failed", counted.error_count)
    return TaskRow(
        task=task, id=f"t-{task.uuid.hex}", key=task.uuid.hex,
        url=reverse("admin:django_tasks_poc_task_change", args=[task.uuid], current_app=site),
        title=line(task.title, _TITLE), label=one_line(task.title, _TITLE), badge=task_badge(task.state),
        say=_words(task, scene), is_bad=is_bad, counted=counted,
        count=_("%(done)s of %(total)s")
        % {"done": amount(counted.finished_count), "total": amount(counted.total_count)},
        failed=failed % {"count": amount(counted.error_count)} if counted.error_count else "",
        took=_took(task), built=ago(task.created_at),
    )  # fmt: skip


def _words(task: Task, scene: Scene) -> str:
    """Say it in the list's few words: what ended has its badge and its times beside it, so its message is enough."""
    if task.state in State.values and task.finished_at is not None:
        return one_line(task.message, _SAY)
    if not scene.is_served and not task.running_count + task.waiting_count and task.state != State.PAUSED:
        return _("Waits for a manager: none is running on node %(node)s") % {"node": task.node}
    return one_line(say(task, scene), 2 * _SAY).removesuffix(".")


def _took(task: Task) -> str:
    if task.started_at is None:
        return _("not begun")
    return duration(seconds_between(task.started_at, task.finished_at or timezone.now()))


def _scenes(tasks: list[Task], nested: dict[UUID, Task], alias: str) -> dict[UUID, Scene]:
    """Read what the sentences need."""
    paused = [task.uuid for task in tasks if task.state == State.PAUSED]
    going = [task for task in tasks if task.state in OPEN and task.state != State.PAUSED]
    events = TaskEvent.objects.using(alias).filter(task_id__in=paused, verb="pause").order_by("at") if paused else []
    scenes = {event.task_id: Scene(pause=event) for event in events}
    if going:
        # Of a sequential task the position is its first open stage.
        places = reduce(or_, (Q(task_id=task.uuid, order=task.position) for task in going))
        rows = TaskStage.objects.using(alias).filter(places).only("task_id", *STAGE_FIELDS)
        stages = {stage.task_id: stage for stage in rows}
        nodes = served(alias)
        for task in going:
            scenes[task.uuid] = Scene(
                stage=stages.get(task.uuid), nested=nested.get(task.uuid), is_served=task.node in nodes
            )
    return scenes


def _nested(alias: str, tasks: list[Task]) -> dict[UUID, Task]:
    """Return the nested task that each of these sequential tasks waits for."""
    if not tasks:
        return {}
    rows = Task.objects.using(alias).visible().filter(finished_at__isnull=True, parent_stage__state=State.WAITING)
    rows = rows.filter(parent_stage__task__in=[task.uuid for task in tasks]).defer("shared", "response", "options")
    return {row.parent_stage.task_id: row for row in rows.select_related("parent_stage") if row.parent_stage}
