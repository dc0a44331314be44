"""The moments at which running stages are out of time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from uuid import UUID


class Deadlines:
    """Calls ``over`` with each token whose time is up.

    One timer for all: most stages end long before their time, and a timer for each costs more than its start.
    """

    def __init__(self, over: Callable[[UUID], None]) -> None:
        self._over = over
        self._due: dict[UUID, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next = math.inf

    def set(self, token: UUID, seconds: float) -> None:
        """Give the token so many seconds from now."""
        loop = asyncio.get_running_loop()
        due = self._due[token] = loop.time() + seconds
        if due < self._next:
            self._look_at(due)

    def drop(self, token: UUID) -> None:
        """Forget the token; the timer finds out when it looks."""
        self._due.pop(token, None)

    def _look_at(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next, self._timer = due, asyncio.get_running_loop().call_at(due, self._look)

    def _look(self) -> None:
        self._next, self._timer = math.inf, None
        now = asyncio.get_running_loop().time()
        for token in [token for token, due in self._due.items() if due <= now]:
            self._due.pop(token)
            self._over(token)
        if self._due:
            self._look_at(min(self._due.values()))
