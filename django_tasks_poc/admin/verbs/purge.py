"""Purging trees from the admin, on the road of all purges: what takes long is hidden, and left to a manager."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from django.db import OperationalError
from django.utils.translation import gettext as _

from ...exceptions import TaskError
from ...models import Task
from ...node import nodes
from ...processing import PIECE
from ...purging import PurgeCursor, PurgeWish
from ...texts import one_line
from .report import Report, words_for
from .verb import Verb, why_not

#: Seconds that somebody waits for pieces; what is left then is hidden, or goes on, without them.
_PATIENCE = 3.0


def purge(tasks: Sequence[Task]) -> Report:
    """Delete these trees, all of one database, as far as it takes a few seconds; hide the others."""
    report = Report()
    reasons: dict[UUID, str] = {}
    by_node: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        by_node[task.node].append(task)
    until = time.monotonic() + _PATIENCE
    for label, group in by_node.items():
        try:
            reasons |= _purge(label, frozenset(task.uuid for task in group if not task.depth), until)
        except (TaskError, OperationalError) as error:
            reasons |= dict.fromkeys([task.uuid for task in group], words_for(error))
    left = _left(tasks)
    for task in tasks:
        now = left.get(task.uuid)
        if now is None:
            report.done.append(task)
        elif now.purging:
            report.done.append(task)
            report.hidden.append(task)
        else:
            report.skipped.append((task, reasons.get(task.uuid) or why_not(Verb.PURGE, now) or _busy()))
    return report


def _purge(label: str, trees: frozenset[UUID], until: float) -> dict[UUID, str]:
    """Delete trees of a node piece by piece, then hide what is left; return why some are kept."""
    command, cursor = nodes[label].task_command, PurgeCursor()
    kept: dict[UUID, str] = {}
    wish = PurgeWish(0, only=trees)
    while True:
        is_late = time.monotonic() > until
        # One row is less than any tree has: so each is hidden, and the next one is looked at.
        purged = command.purge(1 if is_late else PIECE, cursor, wish)
        kept |= {one.task: _("It is kept: %(reason)s.") % {"reason": one_line(one.reason, 300)} for one in purged.kept}
        if purged.next is None:
            return kept
        cursor = purged.next
        if is_late or (cursor.tree is not None and time.monotonic() > until):
            cursor = PurgeCursor(cursor.created_at, cursor.uuid, None, cursor.left)


def _left(tasks: Sequence[Task]) -> dict[UUID, Task]:
    rows = Task.objects.using(tasks[0]._state.db).defer("shared", "response", "options")
    return {task.uuid: task for task in rows.filter(uuid__in=[task.uuid for task in tasks])}


def _busy() -> str:
    return _("A stage of it is at work still, or a finally: try again when it has ended.")
