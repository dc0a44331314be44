"""The next stage of a task, claimed by the record of the one before: as by an ordinary claim, where one may be."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from django_tasks_poc import State
from django_tasks_poc.models import TaskStage
from django_tasks_poc.storage.values import Claim, Recorded, StageMove

from ..support_storage import Store, cancels, error, later, pauses, retry, skip, state, states, success
from .consistency import assert_consistent


def record(store: Store, *pairs: tuple[Claim, StageMove], room: int = 5) -> Recorded:
    """Record these as a manager does that has room for what comes next."""
    moves = [
        msgspec.structs.replace(move, is_followed=claim.is_followed, is_of_root=claim.depth == 0)
        for claim, move in pairs
    ]
    return store.stage_command.record(moves, store.manager, room)


def told(claim: Claim) -> dict[str, Any]:
    """Return what a claim says, but for what differs between two tasks; what came before by its words."""
    facts = msgspec.structs.asdict(claim)
    before = msgspec.structs.asdict(facts["previous"])
    del before["stage"]
    return {name: facts[name] for name in facts if name not in ("task", "root", "stage", "token")} | {
        "previous": before
    }


def test_it_is_what_an_ordinary_claim_would_be(store: Store) -> None:
    """Given two tasks alike, one claimed on the way and one by itself, then both claims say the same."""
    store.root(3), store.root(3)
    ordinary, carried = store.claim()
    store.record(success(ordinary, "loaded", '{"rows": 3}'))
    (expected,) = store.claim()
    recorded = record(store, (carried, success(carried, "loaded", '{"rows": 3}')))
    (claim,) = recorded.claims
    assert told(claim) == told(expected)
    assert (claim.task, claim.order, claim.is_followed) == (carried.task, 1, True)
    assert not recorded.wakes, "there is nothing left to be claimed"
    row = TaskStage.objects.get(uuid=claim.stage)
    assert (row.state, row.token, row.manager, row.start) == (State.RUNNING, claim.token, store.manager, 1)
    assert not store.claim()
    assert_consistent()


def test_a_chain_goes_on_to_its_end(store: Store) -> None:
    task = store.root(4)
    claims = store.claim()
    orders = []
    while claims:
        (claim,) = claims
        orders.append(claim.order)
        recorded = record(store, (claim, success(claim)))
        claims = recorded.claims
        assert_consistent()
    assert orders == [0, 1, 2, 3]
    assert [ended.uuid for ended in recorded.ended] == [task.uuid]
    assert state(task) == State.SUCCESS


@pytest.mark.parametrize("answer", [error, skip, later, retry, pauses, cancels])
def test_only_after_a_success(store: Store, answer: Any) -> None:
    store.root(3)
    (claim,) = store.claim()
    assert record(store, (claim, answer(claim))).claims == []


def test_a_parallel_task_has_no_next_stage(store: Store) -> None:
    store.root(3, parallel=True)
    (claim,) = store.claim(1)
    assert not claim.is_followed
    assert record(store, (claim, success(claim))).claims == []


def test_not_without_room_and_no_more_than_there_is(store: Store) -> None:
    """Given three tasks whose stages end together and room for two, then the third is left to a claim."""
    tasks = [store.root(2) for _ in range(3)]
    claims = store.claim()
    recorded = record(store, *[(claim, success(claim)) for claim in claims], room=2)
    assert len(recorded.claims) == 2
    assert recorded.wakes
    (left,) = store.claim()
    assert {left.task, *(claim.task for claim in recorded.claims)} == {task.uuid for task in tasks}
    assert record(store, (left, success(left)), room=0).claims == []


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_not_of_a_task_that_was_stopped_meanwhile(store: Store, verb: str) -> None:
    task = store.root(3)
    (claim,) = store.claim()
    getattr(task, verb)()
    recorded = record(store, (claim, success(claim)))
    assert recorded.claims == []
    assert states(task)[1:] == (["READY"] * 2 if verb == "pause" else ["CANCELED"] * 2)


def test_not_for_a_manager_that_was_declared_dead(store: Store) -> None:
    """Given a manager that is taken for dead, then its outcome stands, and the next stage is left to others."""
    task = store.root(2)
    (claim,) = store.claim()
    store.stage_command.declare_dead([store.manager])
    recorded = record(store, (claim, success(claim)))
    assert (recorded.refused, recorded.claims, recorded.wakes) == (set(), [], True)
    assert states(task) == ["SUCCESS", "READY"]


def test_a_late_outcome_claims_nothing(store: Store) -> None:
    task = store.root(3)
    (claim,) = store.claim()
    record(store, (claim, success(claim)))
    recorded = record(store, (claim, success(claim)))
    assert (recorded.refused, recorded.claims) == ({claim.token}, [])
    assert states(task) == ["SUCCESS", "RUNNING", "READY"]


def test_what_comes_after_a_wait_is_left_to_a_claim_which_reads_the_join(store: Store) -> None:
    store.root(2)
    (parent,) = store.claim()
    nested = store.wait(parent, 1)
    (child,) = store.claim()
    assert record(store, (child, success(child, response="7"))).claims == []
    (after,) = store.claim()
    assert after.previous is not None
    assert after.previous.nested == nested.uuid


def test_a_sequential_nested_task_goes_on_too(store: Store) -> None:
    store.root(1)
    (parent,) = store.claim()
    nested = store.wait(parent, 3, parallel=False)
    (first,) = store.claim()
    (second,) = record(store, (first, success(first))).claims
    assert (second.task, second.order, second.depth) == (nested.uuid, 1, 1)


def test_a_finally_is_not_a_next_stage(store: Store) -> None:
    task = store.root(1, with_finally=True)
    (claim,) = store.claim()
    recorded = record(store, (claim, success(claim)))
    assert (recorded.claims, recorded.wakes) == ([], True)
    assert TaskStage.objects.filter(task=task, state=State.READY).count() == 1
