"""What signals do to a process while a manager runs in it, and afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

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
