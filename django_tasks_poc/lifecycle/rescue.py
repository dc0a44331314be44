"""Finding the managers that are gone, and making sure that nothing of theirs still runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from uuid import UUID

from ..storage.base import StageCommand
from .hosts import host, is_free, process_started, starts_noted_in


def bury_the_dead(
    command: StageCommand, me: UUID | None, *, kills_late: bool, kill_rest: Callable[[str], Sequence[int]] | None
) -> tuple[bool, dict[UUID, Collection[UUID]]]:
    """Declare managers dead whose processes are gone.

    Return whether one is dying still and must be asked for again soon, and for each dead manager of this host the
    tokens of the starts that were reported to it.

    On this host a pid is looked at, not a beat. With ``kills_late`` a manager here that missed its beats is killed:
    its loop hangs. One on another host is dead when its lease is over. Another one of this very process is a life of
    it that is over, and could not say so. ``kill_rest`` kills what still runs of a manager by its uuid, and returns
    the pids: a grandchild of a stage may hold no lock.
    """
    this = os.getpid(), process_started(os.getpid())
    dead: list[UUID] = []
    reported: dict[UUID, Collection[UUID]] = {}
    dying = False
    for uuid, where, pid, started, lock, is_late in command.suspects():
        if uuid == me:
            continue
        if where != host():
            if is_late:
                dead.append(uuid)
        elif (pid, started) != this and process_started(pid) == started:
            if is_late and kills_late:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                dying = True
        else:
            # What it started is being ended, by the kernel or just now.
            is_dying = bool(kill_rest and kill_rest(str(uuid)))
            starts = starts_noted_in(lock)  # The file goes when it is free.
            # A life that is over may have left its lock to this process: it was ended without its last words.
            if is_dying or ((pid, started) != this and not is_free(lock)):
                dying = True
                continue
            dead.append(uuid)
            if starts is not None:
                reported[uuid] = starts
    if dead:
        command.declare_dead(dead)
    return dying, reported
