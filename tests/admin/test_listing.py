"""A page of stages: every order, by key from the first row to the last, along an index at any size."""

from __future__ import annotations

import datetime as dt
import random
import re
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_tasks_poc import EntityWrapper, State
from django_tasks_poc.admin.tree import listing
from django_tasks_poc.admin.tree.listing import Order, Show, Wish, read_page, stages_of
from django_tasks_poc.models import Task, TaskStage

from ..handlers_admin import Say, Tell
from ..support_rows import add_stages, keep_counters
from .trees import build

pytestmark = pytest.mark.django_db

#: As “failed first” has them; the ready ones that are due come before what is done.
RANKS = (State.ERROR, State.RUNNING, State.WAITING, State.PAUSED, "due", State.SUCCESS, State.SKIPPED, State.CANCELED)


@pytest.fixture
def mixed() -> Task:
    """A task of 97 stages in every state, with a finally stage."""
    task = build("Mixed", *[EntityWrapper(Say)] * 97, parallel=True, finally_=EntityWrapper(Tell))
    chance, now = random.Random(7), timezone.now()
    for stage in TaskStage.objects.filter(task=task):
        state = chance.choice([state for state in State if state != State.PROMISED])
        due = (
            now + dt.timedelta(seconds=chance.randrange(3)) if state == State.READY and chance.random() < 0.6 else None
        )
        seconds = chance.choice([None, 0.5, chance.random()])
        TaskStage.objects.filter(uuid=stage.uuid).update(state=state, due=due, duration=seconds)
    TaskStage.objects.create(task=task, order=97, kind="finally", state=State.ERROR, handler="a.b", params="{}")
    keep_counters(task)
    return task


def walk(task: Task, show: Show, order: Order, size: int = 7) -> list[TaskStage]:
    """Go from page to page by the keys in their addresses."""
    found: list[TaskStage] = []
    wish: dict[str, str] = {"show": show.value, "order": order.value}
    while True:
        page = read_page(stages_of(task), Wish.of(wish, parallel=True), size)
        found += page.stages
        if not page.next:
            return found
        assert len(page.stages) == size
        wish["after"] = page.next


def rank(stage: TaskStage) -> tuple[Any, ...]:
    name = "due" if stage.due is not None else stage.state
    place = RANKS.index(name) if name in RANKS else len(RANKS)
    return place, stage.due or stage.order, stage.order


def test_failed_first_has_every_stage_once_in_order(mixed: Task) -> None:
    stages = list(TaskStage.objects.filter(task=mixed, kind="stage"))
    assert walk(mixed, Show.ALL, Order.FAILED) == sorted(stages, key=rank)


def test_the_slowest_come_first_also_when_many_took_the_same(mixed: Task) -> None:
    stages = TaskStage.objects.filter(task=mixed, kind="stage", duration__isnull=False)
    expected = sorted(stages, key=lambda stage: (stage.duration, stage.order), reverse=True)
    assert walk(mixed, Show.ALL, Order.SLOWEST) == expected


def test_each_state_has_its_pages_forwards_and_backwards(mixed: Task) -> None:
    total = 0
    for show in Show:
        forwards = walk(mixed, show, Order.NUMBER)
        assert walk(mixed, show, Order.LAST) == forwards[::-1]
        total += len(forwards)
        if show is not Show.LEFT:
            assert [stage.order for stage in forwards] == sorted(stage.order for stage in forwards)
    assert total == 2 * 97


def test_pages_go_on_from_a_number(mixed: Task) -> None:
    page = read_page(stages_of(mixed), Wish.of({"from": "51", "show": "failed"}, parallel=True))
    assert [stage.order for stage in page.stages] == list(range(50, 70))


@pytest.mark.parametrize(
    "wish",
    [
        {"after": "x"}, {"after": "0~"}, {"after": "-1~3"}, {"after": "99~3"}, {"after": "0~-3"},
        {"after": f"0~{10**40}"},
        {"after": "0~1~2"}, {"after": "0~nan~1", "order": "slowest"}, {"after": "0~inf~1", "order": "slowest"},
        {"after": "4~2026-01-01~3"}, {"after": "4~0001-01-01T00:00:00+00:00~3"}, {"after": "'; DROP TABLE"},
        {"show": "nonsense"}, {"order": "nonsense"}, {"from": "first"}, {"from": "-5"}, {"from": "9" * 400},
        {"above": "x"}, {"after": "0~\x00"},
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_left_out_and_told(mixed: Task, wish: dict[str, str]) -> None:
    read = Wish.of(wish, parallel=True)
    assert read.is_garbled
    assert len(read_page(stages_of(mixed), read).stages) == 20


def test_an_order_that_a_state_has_not_is_its_usual_one() -> None:
    assert Wish.of({"show": "failed", "order": "slowest"}, parallel=True).order is Order.NUMBER


# At any size.

#: What a planner says when it reads more than is shown.
SCAN = re.compile(r"SCAN |Seq Scan|Bitmap|(?<!Incremental )Sort  \(|USE TEMP B-TREE FOR ORDER BY")


@pytest.fixture
def large(db: None) -> Task:
    """A fan-out of 30,000: many succeeded, failed and are left, each took another time; the planner has seen it."""
    task = build("Large", EntityWrapper(Say), parallel=True)
    for state, count in ((State.SUCCESS, 20_000), (State.ERROR, 5_000), (State.READY, 5_000)):
        add_stages(task, count, state=state)
    rows = TaskStage.objects.filter(task=task)
    rows.filter(state=State.SUCCESS).update(duration=F("order") * 0.001)
    rows.filter(order__gt=29_000).update(due=timezone.now())
    if connection.vendor != "mysql":  # where it would commit
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    task.refresh_from_db()
    return task


@pytest.mark.skipif(connection.vendor not in ("sqlite", "postgresql"), reason="its plans have other words")
@pytest.mark.parametrize("show", Show)
def test_no_page_is_read_by_a_scan(large: Task, show: Show) -> None:
    stages = stages_of(large).filter(kind="stage")
    for order in listing.orders(show):
        for part in listing._parts(show, order):
            rows = part.rows(stages, None)
            plans = [rows[:21].explain()]
            for last in list(rows[:50])[49:]:
                plans.append(part.rows(stages, part.key(last))[:21].explain())
            for plan in plans:
                assert not SCAN.search(plan), f"{show} {order}: {plan}"


@pytest.mark.skipif(connection.vendor not in ("sqlite", "postgresql"), reason="its plans have other words")
def test_the_nth_stage_and_one_by_its_uuid_are_found_by_an_index(large: Task) -> None:
    stages = stages_of(large)
    uuid = stages.get(order=20_000).uuid
    for rows in (
        stages.filter(order__gte=20_000).order_by("order")[:21], TaskStage.objects.filter(uuid=uuid),
        stages.filter(order__gte=large.total_count, kind="finally").order_by("order")[:1],
    ):  # fmt: skip
        assert not SCAN.search(rows.explain())


def test_a_page_of_many_costs_no_more_queries_than_one_of_few(large: Task) -> None:
    for show in Show:
        for order in listing.orders(show):
            wish = Wish(show, order)
            with CaptureQueriesContext(connection) as captured:
                read_page(stages_of(large), wish)
            assert len(captured) <= len(listing._parts(show, order))
