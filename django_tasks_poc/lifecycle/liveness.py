"""Whether a manager lives, as far as this host can tell."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from ..conf import config
from ..models import ManagerProcess
from ..storage.orm import clock
from .hosts import host, process_started


class Life(Enum):
    """The value is the word for it."""

    ALIVE = "Alive"
    LATE = "Late"
    DEAD = "Dead"
    STOPPED = "Stopped"


def life(row: ManagerProcess, now: datetime) -> Life:
    """Judge as managers judge one another: on this host by the process, elsewhere by the beat.

    A beat is due after a third of the lease; two in a row that did not come make it late. ``now`` is the database's.
    """
    if row.stopped_at is not None:
        return Life.STOPPED
    silence, lease = now - row.beat_at, timedelta(seconds=config().lease)
    is_gone = process_started(row.pid) != row.process_started if row.host == host() else silence > lease
    if is_gone:
        return Life.DEAD
    return Life.ALIVE if silence <= lease * 2 / 3 else Life.LATE


def is_served(node: str, alias: str) -> bool:
    """Say whether a manager works on the node's tasks."""
    now = clock.now(alias)
    rows = ManagerProcess.objects.using(alias).filter(node=node, stopped_at__isnull=True).order_by("-beat_at")[:20]
    return any(life(row, now) in (Life.ALIVE, Life.LATE) for row in rows)
