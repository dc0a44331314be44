"""Work in pieces: closing what will not begin, and deleting what nobody will wait for."""

from __future__ import annotations

from django.db.models import F, Q

from ...models import Task, TaskStage
from ...models.task import TaskQuerySet
from ...states import State
from ..values import Recorded
from .ending import CLOSED_AT_ONCE, close_unstarted, settle
from .locks import writing
from .writer import Writer


def settle_one(alias: str, node: str, limit: int) -> Recorded:
    """Close up to ``limit`` stages of one task that is marked for it, and end it when none is open."""
    marked = to_close(alias, node).values_list("uuid", "root").first()
    if marked is None:
        return Recorded()
    uuid, root = marked
    with writing(alias):
        writer = Writer(alias)
        writer.lock_trees([root], [uuid])
        task = writer.tasks.get(uuid)
        if task is not None and task.closing:
            limit -= close_unstarted(writer, task, limit)
        settle(writer, min(limit, CLOSED_AT_ONCE))
        recorded = writer.flush()
    # Another marked task may be left; asking once more is cheap.
    recorded.unsettled = True
    return recorded


def to_close(alias: str, node: str) -> TaskQuerySet:
    """Return the tasks that are marked to be closed, without those that themselves or their parents cannot be read."""
    # As a list, since SQLite finds no index for a bare boolean.
    rows = Task.objects.using(alias).filter(node=node, closing__in=[True], state__in=State)
    readable = Q(parent_stage__state__in=State, parent_stage__task__state__in=State)
    return rows.filter(Q(parent_stage=None) | readable)


def discard_promised(alias: str, node: str, limit: int) -> int:
    """Delete up to ``limit`` rows of nested tasks whose building attempt is over without having waited for them."""
    promised = Task.objects.using(alias).filter(node=node, active__in=[True], state=State.PROMISED)
    over = ~Q(parent_stage__state=State.RUNNING) | ~Q(parent_stage__token=F("token")) | Q(parent_stage__token=None)
    task = promised.filter(over).only("uuid").first()
    if task is None:
        return 0
    with writing(alias):
        rows = TaskStage.objects.using(alias).filter(task=task)
        keys = list(rows.order_by("order").values_list("uuid", flat=True)[:limit])
        deleted, _ = rows.filter(uuid__in=keys).delete()
        if len(keys) < limit:
            deleted += Task.objects.using(alias).filter(uuid=task.uuid, state=State.PROMISED).delete()[0]
    return deleted
