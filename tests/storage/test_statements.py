"""A test counts statements: the hot path costs the same with 100 and with 100,000 stages, and after much history."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_tasks_poc import State
from django_tasks_poc.models import Task
from django_tasks_poc.results import NestedResults

from ..support import manager_environment
from ..support_rows import add_stages
from ..support_storage import Store, error, fresh, stage, state, success, waits
from .consistency import assert_consistent

SIZES = (100, 100_000)


@pytest.fixture
def large(db: None) -> Store:
    """A store whose rows are too many to be held to all rules after each test."""
    return Store()


@contextmanager
def counted(counts: list[int]) -> Iterator[None]:
    with CaptureQueriesContext(connection) as queries:
        yield
    counts.append(len(queries))


def fan_out(store: Store, stages: int, **options: Any) -> Task:
    task = store.root(1, parallel=True, **options)
    add_stages(task, stages - 1)
    return task


def test_the_helper_makes_rows_that_are_consistent(large: Store) -> None:
    task = fan_out(large, 100)
    add_stages(task, 50, state=State.SUCCESS, finished_at=timezone.now())
    assert_consistent()
    assert (fresh(task).total_count, fresh(task).open_count, fresh(task).success_count) == (150, 100, 50)
    assert len({claim.order for claim in large.claim(1000)}) == 100


def test_claims_and_records_of_a_batch_cost_the_same(large: Store) -> None:
    """Given tasks of 100 and of 100,000 stages, then a batch of 20 costs the same at the beginning of each."""
    claims_cost: list[int] = []
    records_cost: list[int] = []
    for size in SIZES:
        task = fan_out(large, size)
        large.claim(5)
        with counted(claims_cost):
            claims = large.claim(20)
        with counted(records_cost):
            large.record(*[success(claim) for claim in claims])
        assert (len(claims), fresh(task).success_count, fresh(task).total_count) == (20, 20, size)
        task.cancel()
    assert claims_cost[0] == claims_cost[1] <= 12
    assert records_cost[0] == records_cost[1] <= 10


def test_a_batch_costs_the_same_however_many_are_in_it(large: Store) -> None:
    fan_out(large, 1000)
    claims_cost: list[int] = []
    records_cost: list[int] = []
    for size in (2, 200):
        with counted(claims_cost):
            claims = large.claim(size)
        with counted(records_cost):
            large.record(*[success(claim) for claim in claims])
    assert claims_cost[0] == claims_cost[1]
    assert records_cost[0] == records_cost[1]


@pytest.mark.parametrize("nested", [False, True], ids=["a root", "above a nested task"])
def test_verbs_cost_the_same_on_few_and_on_many_open_stages(large: Store, nested: bool) -> None:
    """Given open stages by the hundred and by the hundred thousand, then a verb is as many statements."""
    costs: list[list[int]] = []
    for size in SIZES:
        if nested:
            task, below = large.chain(1, parallel=True)
            add_stages(below, size - 1)
        else:
            task = fan_out(large, size)
        costs.append([])
        for verb in ("pause", "resume", "cancel"):
            with counted(costs[-1]):
                assert getattr(task, verb)().tasks == 1 + nested
    (*few, few_closed), (*many, cancel_of_many) = costs
    assert few == many
    assert cancel_of_many < few_closed  # few are closed at once, many in pieces by the manager
    assert max(few_closed, *few) <= 17


def test_a_join_costs_the_same_after_few_and_after_many(large: Store) -> None:
    """Given nested tasks of 100 and of 100,000 stages all but two of which succeeded, then the ends cost the same."""
    cost: list[int] = []
    for size in SIZES:
        root = large.root(2)
        (parent,) = large.claim()
        nested = large.promise(parent, 1)
        add_stages(nested, size - 3, state=State.SUCCESS, started_at=timezone.now(), finished_at=timezone.now())
        add_stages(nested, 2)
        large.record(waits(parent, nested))
        claims = large.claim()
        assert len(claims) == 3
        large.record(success(claims[0]))
        with counted(cost):
            recorded = large.record(success(claims[1]), success(claims[2]))
        assert [task.uuid for task in recorded.ended] == [nested.uuid]
        assert f'"success":{size}' in stage(root).response
        (last,) = large.claim()
        large.record(success(last))
        assert state(root) == State.SUCCESS
    assert cost[0] == cost[1] <= 16


def test_a_stop_costs_the_same_with_few_and_with_many_stages_left(large: Store) -> None:
    cost: list[int] = []
    for size in (2_000, 100_000):
        task = large.root(1)
        add_stages(task, size - 1)
        (claim,) = large.claim()
        with counted(cost):
            large.record(error(claim))
        with counted(cost):
            assert large.task_command.settle(500).unsettled
        assert fresh(task).canceled_count == 500
        Task.objects.filter(uuid=task.uuid).update(closing=False)  # Enough of this one.
    assert cost[:2] == cost[2:]


@pytest.mark.parametrize("levels", [1, 4])
def test_a_level_costs_the_same_whether_one_task_or_thirty_end(large: Store, levels: int) -> None:
    """Given chains of nested tasks, when the ends of one and of thirty are recorded, then both cost the same."""
    cost: list[int] = []
    for width in (1, 30):
        for _ in range(width):
            large.root(1)
        for _ in range(levels):
            for claim in large.claim():
                large.wait(claim, 1)
        claims = large.claim()
        assert len(claims) == width
        with counted(cost):
            ended = large.record(*[success(claim) for claim in claims]).ended
        assert len(ended) == width * (levels + 1)
    assert cost[0] == cost[1]
    assert_consistent()


def test_history_costs_nothing(large: Store) -> None:
    """Given 5,000 ended tasks and one of them with 100,000 ended stages, then the hot path is as before."""
    costs: list[list[int]] = []
    for history in (0, 5_000):
        if history:
            _add_history(large, history)
        cost: list[int] = []
        large.root(3)
        for _ in range(3):
            with counted(cost):
                (claim,) = large.claim()
            with counted(cost):
                large.record(success(claim))
        for look in (large.task_query.next_due, large.task_query.is_drained, large.settle, large.discard):
            with counted(cost):
                look()
        costs.append(cost)
    assert costs[0] == costs[1]


def _add_history(store: Store, count: int) -> None:
    task = store.root(1)
    store.record(success(*store.claim()))
    add_stages(task, 99_999, state=State.SUCCESS, finished_at=timezone.now(), started_at=timezone.now())
    values = Task.objects.filter(uuid=task.uuid).values().get() | {"total_count": 0, "success_count": 0}
    rows = [Task(**{key: value for key, value in values.items() if key != "uuid"}) for _ in range(count)]
    for row in rows:
        row.root_id = row.uuid
    Task.objects.bulk_create(rows, batch_size=500)


MEASURE = """
import resource, sys
import django
django.setup()
from uuid import UUID
from django_tasks_poc.results import NestedResults
results = NestedResults("default", UUID(sys.argv[1]))
len(results.failure)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
first = results.success[0]
count = len(results.success)
seen = sum(1 for response in results.success if response["rows"] == 7)
last = results.success[-1]
print(first["rows"], count, seen, last["rows"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_the_results_of_200_000_stages_are_read_within_50_mb(transactional_db: None) -> None:
    """Given 200,000 successes, then the first, the last, their number and a pass over all stay within 50 MB."""
    store = Store()
    task = store.root(1, parallel=True, on_error="CONTINUE")
    store.record(success(*store.claim(), "done", '{"rows": 7}'))
    add_stages(task, 199_999)
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, str(task.uuid)],
        cwd=settings.BASE_DIR,
        env={**manager_environment(), "DJANGO_SETTINGS_MODULE": "demo_project.settings"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert measured.returncode == 0, measured.stderr
    first, count, seen, last, kib = map(int, measured.stdout.split())
    assert (first, count, seen, last) == (7, 200_000, 200_000, 7)
    assert kib < 50 * 1024


@pytest.mark.parametrize("read", [lambda rows: len(rows), lambda rows: rows[0], lambda rows: rows[-1]])
def test_a_look_at_results_is_one_or_two_statements(large: Store, read: Callable[[Any], Any]) -> None:
    task = large.root(1, parallel=True)
    large.record(success(*large.claim(), "done", "7"))
    add_stages(task, 2_500)
    cost: list[int] = []
    with counted(cost):
        read(NestedResults("default", task.uuid).success)
    assert cost[0] <= 3
