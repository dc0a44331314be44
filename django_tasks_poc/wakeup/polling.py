"""Wake-ups for databases that tell nothing: the manager looks again and again."""

from __future__ import annotations

import asyncio

from .base import Wakeup

#: Seconds between two looks.
_BUSY = 0.02
_IDLE = 0.05


class PollingWakeup(Wakeup):
    """Asks the manager to look for work at short intervals."""

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_BUSY if self.is_busy else _IDLE)
            self.on_wake()
