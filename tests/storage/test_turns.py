"""Whose turn it is: strict between priorities, in turns between tasks of one priority."""

from __future__ import annotations

from collections import Counter

from ..support_storage import Store, later, let_pass, success


def test_the_higher_priority_goes_first_however_many_there_are(store: Store) -> None:
    low = store.root(5, parallel=True, priority=-1)
    middle = store.root(5, parallel=True)
    high = store.root(5, parallel=True, priority=1)
    order = [claim.task for _ in range(5) for claim in store.claim(3)]
    assert order == [high.uuid] * 5 + [middle.uuid] * 5 + [low.uuid] * 5


def test_a_large_claim_is_filled_from_the_priorities_in_order(store: Store) -> None:
    low, high = store.root(9, parallel=True, priority=-1), store.root(2, parallel=True, priority=1)
    assert Counter(claim.task for claim in store.claim(6)) == {high.uuid: 2, low.uuid: 4}


def test_a_fan_out_does_not_starve_the_task_behind_it(store: Store) -> None:
    """Given a fan-out of 10,000 and a task behind it, when one stage is claimed at a time, then they take turns."""
    store.root(1)
    (parent,) = store.claim()
    nested = store.wait(parent, 10_000)
    store.claim(5)
    behind = store.root(10, parallel=True)
    order = [claim.task for _ in range(20) for claim in store.claim(1)]
    assert Counter(order) == {behind.uuid: 10, nested.uuid: 10}
    # Nobody waits for two turns of another.
    assert all(order[n : n + 3] != [nested.uuid] * 3 for n in range(18))


def test_a_claim_of_many_is_shared_between_the_tasks(store: Store) -> None:
    fan_out, small = store.root(10_000, parallel=True), store.root(3, parallel=True)
    other = store.root(50, parallel=True)
    counts = Counter(claim.task for claim in store.claim(30))
    assert counts[small.uuid] == 3
    assert sum(counts.values()) == 30
    assert abs(counts[fan_out.uuid] - counts[other.uuid]) <= 1


def test_many_tasks_come_round_before_one_comes_twice(store: Store) -> None:
    tasks = [store.root(4, parallel=True) for _ in range(7)]
    for _ in range(4):
        assert sorted(claim.task for _ in range(7) for claim in store.claim(1)) == sorted(t.uuid for t in tasks)


def test_a_sequential_task_comes_round_too(store: Store) -> None:
    """Given a fan-out at work, then each next stage of a sequential task is claimed with the next turn."""
    store.root(1000, parallel=True)
    task = store.root(5)
    mine = []
    for _ in range(10):
        for claim in store.claim(1):
            if claim.task == task.uuid:
                mine.append(claim.order)
                store.record(success(claim))
    assert mine == [0, 1, 2, 3, 4]


def test_a_task_whose_stages_are_all_due_later_holds_up_nobody(store: Store) -> None:
    """Given tasks of high priority that have nothing due, then one claim gets past all of them."""
    for _ in range(3):
        store.root(50, parallel=True, priority=9)
    store.record(*[later(claim, delay=60) for claim in store.claim(150)])
    low = store.root(1)
    let_pass(30)
    # A wake-up made them candidates, though nothing is due yet.
    type(low).objects.filter(priority=9).update(claimable=True)
    assert [claim.task for claim in store.claim(10)] == [low.uuid]


def test_more_candidates_than_a_claim_looks_at_are_no_wall(store: Store) -> None:
    """Given 120 tasks marked claimable that have nothing to claim, then the task behind them is found."""
    for _ in range(120):
        store.root(1, priority=9)
    claims = []
    while batch := store.claim(100):
        claims += batch
    assert len(claims) == 120
    low = store.root(1)
    type(low).objects.filter(priority=9).update(claimable=True)
    assert [claim.task for claim in store.claim(2)] == [low.uuid]
