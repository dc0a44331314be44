"""When a task was paused, by whom: from the verbs that were given to it and to the root above it."""

from __future__ import annotations

from ...models import Task, TaskEvent
from .axis import Axis
from .rows import Zone

#: Verbs that are read, the newest.
EVENTS = 200


def zones(task: Task, axis: Axis, alias: str) -> list[Zone]:
    """Return the pauses of the task, the oldest first; one that goes on reaches up to now."""
    events = TaskEvent.objects.using(alias).filter(task__in={task.uuid, task.root_id})
    events = events.filter(verb__in=["pause", "resume", "cancel"]).order_by("-at")
    found: list[Zone] = []
    open_: dict[object, Zone] = {}
    for uuid, verb, at, by in list(events.values_list("task", "verb", "at", "by")[:EVENTS])[::-1]:
        second = axis.at(at)
        if verb == "pause":
            open_.setdefault(uuid, Zone(second, axis.end, by))
        elif (zone := open_.pop(uuid, None)) is not None:
            found.append(Zone(zone.start, second, zone.by))
    return sorted([*found, *open_.values()], key=lambda zone: zone.start)
