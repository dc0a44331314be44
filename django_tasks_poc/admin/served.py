"""Which nodes have managers, and what to do where one has work and none."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..health import NodeHealth, health_of
from ..lifecycle import Life, life
from ..models import ManagerProcess
from ..node import nodes
from ..storage.orm import clock
from ..texts import about, amount


@dataclass(frozen=True)
class Note:
    """A node whose work nobody does: what is said of it, and the command that starts a manager."""

    node: str
    title: str
    text: str
    command: str


def served(alias: str) -> set[str]:
    """Return the nodes of the database that a manager works on."""
    now, labels = clock.now(alias), [label for label in nodes if nodes[label].database == alias]
    rows = ManagerProcess.objects.using(alias).filter(node__in=labels, stopped_at__isnull=True).order_by("-beat_at")
    return {row.node for row in rows[:1000] if life(row, now) in (Life.ALIVE, Life.LATE)}


def notes(alias: str) -> list[Note]:
    """Return a note for each node of the database that has work and no manager."""
    with_manager = served(alias)
    labels = [label for label in nodes if nodes[label].database == alias and label not in with_manager]
    return [note for label in labels if (note := note_of(health_of(label))) is not None]


def note_of(health: NodeHealth) -> Note | None:
    """Return what is to be said of a node: nothing where a manager is, or no work."""
    if health.managers or not (health.backlog or health.running):
        return None
    if health.backlog and health.oldest is not None:
        words = ngettext(
            "%(count)s stage waits, for %(age)s.", "%(count)s stages wait, the oldest for %(age)s.", health.backlog
        )
        text = words % {"count": amount(health.backlog), "age": about(health.oldest)}
    else:
        words = ngettext("%(count)s stage was at work.", "%(count)s stages were at work.", health.running)
        text = words % {"count": amount(health.running)}
    title = _("No manager is running on node %(node)s.") % {"node": health.node}
    return Note(health.node, title, text, f"manage.py run_task_manager --node {health.node}")
