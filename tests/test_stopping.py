"""What signals do to a process while a manager runs in it, and afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from django_tasks_poc.manager.schema import Schema
from django_tasks_poc.manager.stopping import Stop

#: It knows of no database.
pytestmark = pytest.mark.anywhere

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture(autouse=True)
def heard() -> Iterator[list[int]]:
    """What the handlers that were there before the manager have heard."""
    numbers: list[int] = []
    before = {number: signal.signal(number, lambda number, frame: numbers.append(number)) for number in SIGNALS}
    yield numbers
    for number, handler in before.items():
        signal.signal(number, handler)


async def stopped_by(*numbers: int) -> Stop:
    stop = Stop()
    with stop.on_signals():
        for number in numbers:
            os.kill(os.getpid(), number)
        if numbers:
            await stop.requested.wait()
    return stop


def test_without_a_signal_what_signals_did_before_is_put_back(heard: list[int]) -> None:
    stop = asyncio.run(stopped_by())
    for number in SIGNALS:
        os.kill(os.getpid(), number)
    assert not stop.requested.is_set()
    assert sorted(heard) == sorted(SIGNALS)


@pytest.mark.parametrize("first", SIGNALS)
def test_after_a_signal_one_more_makes_no_failure_of_the_end(heard: list[int], first: int) -> None:
    stop = asyncio.run(stopped_by(first))
    for number in SIGNALS:
        os.kill(os.getpid(), number)
    assert (stop.urgent.is_set(), heard) == (False, [])


def test_a_second_signal_is_urgent() -> None:
    assert asyncio.run(stopped_by(signal.SIGTERM, signal.SIGHUP)).urgent.is_set()


class Away:
    """Stands for a database that does not answer."""

    unapplied = None

    async def call(self, function: Any) -> None:
        await asyncio.Event().wait()


def test_a_manager_that_asks_what_its_tables_lack_hears_that_it_is_to_stop() -> None:
    """Given a database that is away when that is asked, then a request to stop is not waited out."""

    async def scenario() -> bool:
        stop, away = Stop(), Away()
        parts: Any = (away, away, None, stop)
        asyncio.get_running_loop().call_soon(stop.request)
        async with asyncio.timeout(5):
            return await Schema(*parts).turns_out_incomplete()

    assert asyncio.run(scenario())
