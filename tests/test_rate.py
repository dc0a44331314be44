"""How many stages end a second, by which a manager claims ahead: soon known for quick ones, never guessed for long."""

from __future__ import annotations

import pytest

from django_tasks_poc.manager import claims
from django_tasks_poc.manager.claims import Rate


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(claims, "time", clock)
    return clock


def ends(rate: Rate, clock: Clock, count: int, every: float) -> None:
    for _ in range(count):
        clock.now += every
        rate.count()


def test_nothing_ended_yet(clock: Clock) -> None:
    rate = Rate()
    assert rate.now() == 0
    rate.begin()
    assert rate.now() == 0


def test_quick_stages_are_known_after_a_few(clock: Clock) -> None:
    rate = Rate()
    rate.begin()
    ends(rate, clock, 8, 0.001)
    assert rate.now() == pytest.approx(1000)


def test_long_stages_that_end_together_are_no_quick_ones(clock: Clock) -> None:
    """Given eight stages of ten seconds that began together, when they end at one moment, then that is 0.8 a second."""
    rate = Rate()
    rate.begin()
    clock.now += 10
    ends(rate, clock, 8, 0)
    assert rate.now() == pytest.approx(0.8)


def test_one_quick_stage_tells_nothing_of_the_next(clock: Clock) -> None:
    rate = Rate()
    rate.begin()
    ends(rate, clock, 1, 0.005)
    assert rate.now() == pytest.approx(1)


def test_quick_stages_that_are_claimed_one_by_one_are_known_too(clock: Clock) -> None:
    """Given one place, so that nothing is at work between a stage and the claim of the next, then they are quick."""
    rate = Rate()
    for _ in range(8):
        rate.begin()
        ends(rate, clock, 1, 0.005)
    assert rate.now() == pytest.approx(200)


def test_it_falls_when_nothing_ends_any_more(clock: Clock) -> None:
    rate = Rate()
    rate.begin()
    ends(rate, clock, 1000, 0.001)
    assert rate.now() == pytest.approx(1000, rel=0.02)
    clock.now += 10
    assert rate.now() < 7


def test_work_that_begins_anew_is_counted_anew(clock: Clock) -> None:
    rate = Rate()
    rate.begin()
    ends(rate, clock, 100, 0.001)
    clock.now += 60
    rate.begin()
    ends(rate, clock, 8, 0.01)
    assert rate.now() == pytest.approx(100)
