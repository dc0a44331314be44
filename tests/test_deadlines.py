"""One timer for the time of all running stages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID, uuid4

from django_tasks_poc.manager.deadlines import Deadlines


class Over:
    """Remembers the tokens whose time is up, and lets a test wait for them."""

    def __init__(self) -> None:
        self.tokens: list[UUID] = []
        self._changed = asyncio.Event()

    def __call__(self, token: UUID) -> None:
        self.tokens.append(token)
        self._changed.set()

    async def wait_for(self, count: int) -> list[UUID]:
        async with asyncio.timeout(10):
            while len(self.tokens) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.tokens


def play(scenario: Callable[[Over, Deadlines], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        over = Over()
        await scenario(over, Deadlines(over))

    asyncio.run(run())


def test_each_is_told_once_in_the_order_of_their_times() -> None:
    async def scenario(over: Over, deadlines: Deadlines) -> None:
        late, early, middle = uuid4(), uuid4(), uuid4()
        deadlines.set(late, 0.03)
        deadlines.set(early, 0.01)
        deadlines.set(middle, 0.02)
        assert await over.wait_for(3) == [early, middle, late]

    play(scenario)


def test_one_that_ended_in_time_is_not_told() -> None:
    """Given the earliest of two, when it is dropped, then only the other is told, at its own time."""

    async def scenario(over: Over, deadlines: Deadlines) -> None:
        loop, dropped, kept = asyncio.get_running_loop(), uuid4(), uuid4()
        began = loop.time()
        deadlines.set(dropped, 0.01)
        deadlines.set(kept, 0.05)
        deadlines.drop(dropped)
        assert await over.wait_for(1) == [kept]
        assert loop.time() - began >= 0.05

    play(scenario)


def test_the_time_begins_anew_where_it_is_set_again() -> None:
    async def scenario(over: Over, deadlines: Deadlines) -> None:
        loop, token = asyncio.get_running_loop(), uuid4()
        deadlines.set(token, 0.01)
        began = loop.time()
        deadlines.set(token, 0.05)
        assert await over.wait_for(1) == [token]
        assert loop.time() - began >= 0.05

    play(scenario)
