"""The manager's housekeeping ends when it is told to, whatever happens at that moment."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from django_tasks_poc.manager.keeper import Keeper
from django_tasks_poc.manager.records import Records

#: It knows of no database.
pytestmark = pytest.mark.anywhere


class Silent:
    """Stands for a part that never answers."""

    async def call(self, *args: Any) -> None:
        await asyncio.Event().wait()

    def __getattr__(self, name: str) -> Any:
        return self


async def keeper_sweeps(silent: Any) -> tuple[asyncio.Task[None], asyncio.Event]:
    keeper = Keeper(silent, silent, silent, silent, silent, interval=60, heartbeat=60, on_drained=None)
    return asyncio.create_task(keeper._sweep()), keeper._wanted


async def records_gather(silent: Any) -> tuple[asyncio.Task[None], asyncio.Event]:
    records = Records(silent, silent, silent)
    records._took = 60
    records._wanted.set()
    return asyncio.create_task(records.run()), records._hurry


@pytest.mark.parametrize("begin", [keeper_sweeps, records_gather])
@pytest.mark.parametrize("ticks", range(6))
def test_a_cancel_that_comes_with_an_event_is_obeyed(begin: Any, ticks: int) -> None:
    """Given what waits for an event, when that comes some ticks of the loop before a cancel, then it ends."""

    async def scenario() -> None:
        task, event = await begin(Silent())
        await asyncio.sleep(0.01)
        event.set()
        for _ in range(ticks):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=1)
        assert done, "it goes on"
        assert task.cancelled()

    asyncio.run(scenario())
