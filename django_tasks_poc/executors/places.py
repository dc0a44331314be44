"""Where the next request goes: the slots that take one, by how well they do; and when it is taken back from there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from .fleet import Fleet
from .slots import SMALL, Slot, Stage

#: A stage that has run for so many seconds may take long: nothing is sent behind it, and what waits is taken back.
SLOW = 0.05


class Places:
    """Slots with a waiting child, without a child, with a busy child that takes a second request."""

    def __init__(self) -> None:
        self._warm: dict[Slot, None] = {}
        self._cold: dict[Slot, None] = {}
        self._ahead: dict[Slot, None] = {}

    def remove(self, slot: Slot) -> None:
        """Have nothing given to the slot."""
        for group in (self._ahead, self._warm, self._cold):
            group.pop(slot, None)

    def file(self, slot: Slot) -> None:
        """Put the slot where ``find`` looks for it."""
        self.remove(slot)
        if not slot.stages:
            (self._warm if slot.has_child else self._cold)[slot] = None
        elif slot.takes_ahead(slot.since, SLOW):
            self._ahead[slot] = None

    def find(self, stage: Stage, now: float) -> Slot | None:
        """Return the best slot for the stage, which is filed no more; None when there is none."""
        for group in (self._warm, self._cold):
            if group:
                return group.popitem()[0]
        while self._ahead and len(stage.frame) <= SMALL:
            slot = next(iter(self._ahead))
            if slot.takes_ahead(now, SLOW):
                return slot
            del self._ahead[slot]
        return None


class SlowWatch:
    """Has taken back what waits behind a stage that turns out to take long."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fleet: Fleet, recall: Callable[[Slot], None]) -> None:
        self._loop = loop
        self._fleet = fleet
        self._recall = recall
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Look from now on, as long as something waits."""
        if self._timer is None:
            self._timer = self._loop.call_later(SLOW, self._look)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        now = time.monotonic()
        waiting = [slot for one in self._fleet.servers for slot in one.slots if len(slot.stages) > 1]
        for slot in waiting:
            if now - slot.since >= SLOW and slot.recalled_behind != slot.stages[0].token:
                slot.recalled_behind = slot.stages[0].token
                self._recall(slot)
        if waiting:
            self.begin()
