"""What a task does now, or what came of it, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..lifecycle import is_served
from ..models import Task, TaskEvent, TaskStage
from ..serialization import from_json
from ..states import OPEN, State
from ..texts import about, amount, duration, one_line
from .texts import SENTENCE, counts, seconds_between


@dataclass(frozen=True)
class Scene:
    """What is to be known besides the row of the task.

    ``pause`` is the last pause that somebody asked for, ``stage`` the first one that is open, ``nested`` the task that
    this stage waits for; each may be missing.
    """

    pause: TaskEvent | None = None
    stage: TaskStage | None = None
    nested: Task | None = None
    is_served: bool = True


#: What of a stage is told.
STAGE_FIELDS = ("order", "handler", "state", "progress", "due")


def sentence(task: Task, alias: str) -> str:
    """Return the sentence; foreign text in it still has to be escaped."""
    return say(task, _scene(task, alias))


def _scene(task: Task, alias: str) -> Scene:
    """Read what the sentence needs, and no more."""
    if task.state == State.PAUSED:
        events = TaskEvent.objects.using(alias).filter(task_id=task.uuid, verb="pause")
        return Scene(pause=events.order_by("-at").first())
    if task.state not in OPEN or _is_side_by_side(task):
        return Scene()
    stage = _first_open(task, alias)
    if stage is None or stage.state == State.RUNNING:
        return Scene(stage=stage)
    if stage.state == State.WAITING:
        nested = Task.objects.using(alias).visible().filter(parent_stage_id=stage.uuid, finished_at__isnull=True)
        return Scene(stage=stage, nested=nested.defer("shared", "response", "options").first())
    return Scene(stage=stage, is_served=is_served(task.node, alias))


def say(task: Task, scene: Scene) -> str:
    """Return the sentence from what was read."""
    if task.state not in State.values:
        words = _("It is in a state that this version does not know, %(state)s, and nobody works on it.")
        return words % {"state": one_line(task.state)}
    match task.state:
        case State.PAUSED:
            return _paused(task, scene.pause)
        case state if State(state).is_final:
            return _ended(task)
        case _other if _is_side_by_side(task):
            return _side_by_side(task)
        case _other:
            return _current(task, scene)


def _is_side_by_side(task: Task) -> bool:
    return task.parallel and bool(task.running_count + task.waiting_count)


def _ended(task: Task) -> str:
    facts = {"state": State(task.state).label, "message": one_line(task.message, SENTENCE)}
    if task.finished_at is None:
        words = ngettext(
            "%(state)s; %(open)s of %(count)s stage is still to be closed.",
            "%(state)s; %(open)s of %(count)s stages are still to be closed.", task.total_count,
        )  # fmt: skip
        return words % (facts | {"open": amount(task.open_count), "count": amount(task.total_count)})
    if (took := seconds_between(task.started_at, task.finished_at)) is not None:
        words = _("%(state)s after %(took)s: %(message)s") if task.message else _("%(state)s after %(took)s.")
        return words % (facts | {"took": duration(took)})
    return (_("%(state)s: %(message)s") if task.message else _("%(state)s.")) % facts


def _paused(task: Task, event: TaskEvent | None) -> str:
    if task.pause_root not in (None, task.uuid):
        return _("Paused with a task above it.")
    if event is None:
        words = _("Paused by a stage: %(message)s") if task.message else _("Paused.")
        return words % {"message": one_line(task.message, SENTENCE)}
    if event.by:
        words = (
            _("Paused by %(user)s %(age)s ago: “%(reason)s”.") if event.reason else _("Paused by %(user)s %(age)s ago.")
        )
    else:
        words = _("Paused %(age)s ago: “%(reason)s”.") if event.reason else _("Paused %(age)s ago.")
    age = about((timezone.now() - event.at).total_seconds())
    return words % {"user": one_line(event.by), "age": age, "reason": one_line(event.reason, SENTENCE)}


def _side_by_side(task: Task) -> str:
    facts = []
    if task.running_count:
        running = ngettext("%(count)s running", "%(count)s running", task.running_count)
        facts.append(running % {"count": amount(task.running_count)})
    if task.waiting_count:
        waiting = ngettext(
            "%(count)s waiting for nested tasks", "%(count)s waiting for nested tasks", task.waiting_count
        )
        facts.append(waiting % {"count": amount(task.waiting_count)})
    words = _("Stages side by side on node %(node)s: %(counts)s; %(facts)s.")
    return words % {"node": task.node, "counts": counts(task), "facts": ", ".join(facts)}


def _current(task: Task, scene: Scene) -> str:
    stage = scene.stage
    if stage is None:
        return _("%(counts)s; about to end.") % {"counts": counts(task)}
    facts = {
        "number": amount(stage.order + 1), "total": amount(task.total_count),
        "name": stage.handler.rpartition(".")[2], "node": task.node,
    }  # fmt: skip
    if stage.state == State.RUNNING:
        return _running(stage, facts)
    if stage.state == State.WAITING:
        return _waiting(scene.nested, facts)
    due = stage.due or task.due
    if due is not None and (left := (due - timezone.now()).total_seconds()) > 0:
        words = _("Stage %(number)s of %(total)s, %(name)s, starts in %(left)s on node %(node)s.")
        return words % (facts | {"left": about(left)})
    if not scene.is_served:
        words = _("Waits for a manager: none is running on node %(node)s. Start one: %(command)s")
        return words % (facts | {"command": "manage.py run_task_manager"})
    return _("Waits for its turn on node %(node)s: stage %(number)s of %(total)s, %(name)s.") % facts


def _first_open(task: Task, alias: str) -> TaskStage | None:
    """Find the stage whose turn it is, or comes next, without a look at those that ended or are still to come."""
    rows = TaskStage.objects.using(alias).filter(task_id=task.uuid)
    rows = rows.only(*STAGE_FIELDS)
    if not task.parallel:
        return rows.filter(order__gte=task.position, state__in=OPEN).order_by("order").first()
    ready = rows.filter(state=State.READY).order_by("due", "order")
    # None is at work. What comes back has a time of its own.
    return ready.filter(due__isnull=True).first() or ready.first() or rows.filter(state=State.PAUSED).first()


def _running(stage: TaskStage, facts: dict[str, str]) -> str:
    try:
        done, total, message = from_json(stage.progress)
        progress = {"done": amount(done), "of": amount(total), "message": one_line(message)}
    except (msgspec.MsgspecError, TypeError, ValueError, ArithmeticError):
        return _("Running stage %(number)s of %(total)s, %(name)s, on node %(node)s.") % facts
    if progress["message"]:
        words = _("Running stage %(number)s of %(total)s, %(name)s, on node %(node)s; %(done)s of %(of)s %(message)s.")
    else:
        words = _("Running stage %(number)s of %(total)s, %(name)s, on node %(node)s; %(done)s of %(of)s.")
    return words % (facts | progress)


def _waiting(nested: Task | None, facts: dict[str, str]) -> str:
    if nested is None:
        return _("Stage %(number)s of %(total)s, %(name)s, waits for its nested task.") % facts
    words = _("Stage %(number)s of %(total)s, %(name)s, waits for “%(title)s”: %(counts)s.")
    return words % (facts | {"title": one_line(nested.title), "counts": counts(nested)})
