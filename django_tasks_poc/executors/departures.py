"""The ends of a fork server's children, each told only when nothing of it runs any more."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from . import control, process
from .process import End

#: Seconds between two looks for what a killed child has left behind.
_LOOK_AGAIN = 0.005
#: Seconds to wait at the very end for killed processes.
_LAST_WAIT = 5.0


@dataclass
class _Departure:
    slot: int
    end: End
    #: Orphans that may be its own; None before the first look.
    waits_for: set[int] | None = field(default=None)


class Departures:
    """Kills groups and orphans. ``children`` maps pids to slots and is shared with the fork server."""

    def __init__(self, children: dict[int, int]) -> None:
        self.pid = os.getpid()
        self._children = children
        self._leaving: list[_Departure] = []
        self._strangers: set[int] = set()
        self.offspring = process.Offspring()

    @property
    def timeout(self) -> float:
        """Seconds until the next look, if no signal asks for an earlier one."""
        return _LOOK_AGAIN if self._leaving else 1.0

    @property
    def slots(self) -> list[int]:
        """Slots whose child is dead and was not told yet."""
        return [departure.slot for departure in self._leaving]

    def signal(self, slot: int, signum: int) -> None:
        """Send the signal to the group of the slot's child; nothing when it was reaped."""
        for pid, its_slot in self._children.items():
            if its_slot == slot:
                process.kill(pid, signum)

    def look(self) -> Iterator[control.Exited]:
        """Reap who has died; yield those of whom nothing is left."""
        for end in process.reap_any():
            slot = self._children.pop(end.pid, None)
            if slot is not None:
                self._leaving.append(_Departure(slot, end))
        # All but a few stages leave nothing behind: one look tells.
        if self._leaving and (self._strangers or self.offspring.count() != len(self._children)):
            self._kill_strangers()
        if self._leaving:
            gone = [departure for departure in self._leaving if not departure.waits_for]
            self._leaving = [departure for departure in self._leaving if departure.waits_for]
            for departure in gone:
                end = departure.end
                yield control.Exited(departure.slot, end.pid, end.status, end.user, end.system, end.max_rss)

    def kill_all(self) -> None:
        """Kill everything below this process, and wait for it."""
        deadline = time.monotonic() + _LAST_WAIT
        while time.monotonic() < deadline:
            for pid in self._children:
                process.kill(pid, signal.SIGKILL)
            for end in process.reap_any():
                self._children.pop(end.pid, None)
            self._kill_strangers()
            if not self._children and not self._strangers:
                return
            time.sleep(_LOOK_AGAIN)

    def _kill_strangers(self) -> None:
        """Kill the children that were not forked here: orphans of ended stages, whatever group they fled to."""
        strangers = {pid for pid in self.offspring.pids() if pid not in self._children}
        for pid in strangers:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        arrived = strangers - self._strangers
        for departure in self._leaving:
            if departure.waits_for is None:
                departure.waits_for = strangers
            else:
                # What one that was killed leaves behind is ours next.
                departure.waits_for = departure.waits_for & strangers | arrived
        self._strangers = strangers
