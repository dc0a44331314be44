"""The timeline of a task: its rows, its bars, what it costs, and who may see it."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_tasks_poc import EntityWrapper, State
from django_tasks_poc.admin.timeline.axis import BINS, Axis
from django_tasks_poc.admin.timeline.gantt import MOST_ROWS, Gantt, gantt
from django_tasks_poc.admin.timeline.pauses import zones
from django_tasks_poc.admin.timeline.rows import Links, Pause, Row
from django_tasks_poc.admin.timeline.tally import tallies
from django_tasks_poc.models import Task, TaskEvent, TaskStage
from django_tasks_poc.testing import run_pending
from tests.building import build
from tests.handlers_admin import FanOut, Say
from tests.support_rows import add_stages

from .drawings import Stage, add, run

pytestmark = pytest.mark.django_db(databases=["default", "even", "odd"])

HOSTILE = "<script>alert(1)</script>{{ 1 }}\x1b[31m"


@pytest.fixture
def viewer(client: Client) -> Client:
    """A client of somebody who may view tasks, and nothing else."""
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_task"))
    client.force_login(user)
    return client


def address(task: Any) -> str:
    return reverse("admin:django_tasks_poc_task_timeline", args=[task.uuid if isinstance(task, Task) else task])


def live(task: Task) -> str:
    return reverse("admin:django_tasks_poc_task_timeline_live", args=[task.uuid])


def page(client: Client, task: Task) -> str:
    response = client.get(address(task))
    assert response.status_code == 200
    return response.content.decode()


def rows_of(task: Task) -> Gantt:
    return gantt(task, Axis.of(task, timezone.now()), "default", Links(task=str, stage=str))


def named(found: Gantt, name: str) -> Row:
    return next(row for row in found.rows if row.name == name)


def bars(row: Row) -> list[tuple[State, float, float, str]]:
    return [(bar.state, round(bar.start, 1), round(bar.end, 1), bar.word) for bar in row.bars]


def fan_out(count: int, seed: int = 7) -> list[Stage]:
    """Return stages that ran side by side for 100 seconds, some of which failed."""
    chance = random.Random(seed)
    stages = []
    for _ in range(count):
        begin = chance.random() * 90
        took = min(chance.lognormvariate(0, 1), 10)
        state = State.ERROR if chance.random() < 0.05 else State.SUCCESS
        failed = ((begin, begin + took, "error"),) if state == State.ERROR else ()
        stages.append(Stage(begin, begin + took, state, max_rss=chance.randint(40_000, 90_000), failed=failed))
    return stages


@pytest.mark.parametrize(
    ("elapsed", "span"), [(0, 30), (28, 30), (29, 60), (100, 120), (170, 180), (179, 300), (86_400, 129_600)]
)
def test_the_axis_of_an_open_task_grows_in_steps(elapsed: float, span: float) -> None:
    now = timezone.now()
    axis = Axis.of(Task(started_at=now - timedelta(seconds=elapsed)), now)
    assert axis.span == span
    assert axis.now == elapsed
    assert len(list(axis.ticks())) in range(2, 7)


@pytest.mark.parametrize("seconds", [0, 0.004, 0.3, 7, 3600, 86_400 * 400])
def test_the_axis_of_an_ended_task_ends_with_it(seconds: float) -> None:
    start = timezone.now()
    axis = Axis.of(Task(started_at=start, finished_at=start + timedelta(seconds=seconds)), timezone.now())
    assert axis.now is None
    assert seconds <= axis.span <= max(seconds * 1.02, 0.02)
    assert 1 <= len(list(axis.ticks())) <= 6


def test_attempts_are_bars_and_what_lies_between_them_is_a_line() -> None:
    task = run(
        Stage(0, 2, handler="shop.Parse"),
        Stage(2, 20, took=6, start=3, handler="shop.Load", failed=((2, 5, "timed_out"), (7, 9, "error"))),
        Stage(20, 21, handler="shop.Report"),
    )
    found = rows_of(task)
    assert [row.name for row in found.rows] == ["1 Parse", "2 Load", "3 Report"]
    load = named(found, "2 Load")
    assert bars(load) == [
        (State.ERROR, 2, 5, "timed out"), (State.ERROR, 7, 9, ""), (State.SUCCESS, 14, 20, ""),
    ]  # fmt: skip
    assert [(line.kind, round(line.start), round(line.end)) for line in load.lines] == [
        (Pause.DELAY, 5, 7), (Pause.DELAY, 9, 14),
    ]  # fmt: skip
    assert load.note == "×3"
    assert load.label == "2 Load: Succeeded; 3 starts, the first at 2.0\xa0s; took 18.0\xa0s"


def test_a_stage_that_waits_is_a_bar_a_dotted_line_and_a_band() -> None:
    task = run(Stage(0, state=State.WAITING, took=1, handler="shop.LoadAll"), Stage(state=State.READY), elapsed=50)
    parent = TaskStage.objects.get(task=task, order=0)
    assert task.started_at is not None
    begin = task.started_at + timedelta(seconds=1)
    nested = run(*fan_out(200), title="Rows", elapsed=49, parallel=True, parent=parent, start=begin)
    found = rows_of(task)
    waiting = found.rows[0]
    assert bars(waiting) == [(State.SUCCESS, 0, 1, "")]
    assert [line.kind for line in waiting.lines] == [Pause.WAIT]
    assert found.rows[1].name == "Rows"
    assert found.rows[1].band is not None
    assert found.busiest == nested
    assert {row.level for row in found.rows} == {1, 2}
    assert sum(row.state == State.ERROR for row in found.rows) == 4
    assert sum(row.note == "slowest" for row in found.rows) == 2
    assert [row.name for row in found.rows if row.is_rest] == ["194 more, in the band above"]
    assert found.rows[-1].name == "2 LoadBatch"
    assert found.rows[-1].label == "2 LoadBatch: not begun"


def test_a_tally_counts_what_a_person_would(subtests: Any) -> None:
    stages = [*fan_out(300), Stage(95, state=State.RUNNING), Stage(state=State.READY), Stage(None, 4, State.CANCELED)]
    task = run(*stages, elapsed=110, parallel=True)
    axis = Axis.of(task, timezone.now())
    tally = tallies([task], axis, "default")[task.uuid]
    with subtests.test("ended"):
        assert sum(map(sum, tally.ended.values())) == 300
        for state, counts in tally.ended.items():
            for number, count in enumerate(counts):
                within = (number * axis.width, (number + 1) * axis.width)
                ends = [stage.end for stage in stages if stage.state == state and stage.begin is not None]
                assert count == sum(within[0] <= end < within[1] for end in ends if end is not None), (state, number)
    with subtests.test("at once"):
        many = tally.at_once(State.SUCCESS, axis)
        for number in (0, 30, 77):
            begin, end = number * axis.width, (number + 1) * axis.width
            overlaps = [
                max(0.0, min(stage.end, end) - max(stage.begin, begin))
                for stage in stages
                if stage.state == State.SUCCESS and stage.begin is not None and stage.end is not None
            ]
            assert many[number] == pytest.approx(sum(overlaps) / axis.width, abs=0.01)
        assert tally.at_once(State.RUNNING, axis)[94:111] == pytest.approx((0.0, *(1.0,) * 16), abs=0.05)


def test_a_start_that_failed_counts_as_at_work_but_not_the_delay_behind_it() -> None:
    retried = Stage(0, 30, took=10, start=2, failed=((0, 10, "error"),))
    failed = Stage(60, 90, State.ERROR, took=10, start=2, failed=((60, 70, "timed_out"), (80, 90, "error")))
    task = run(retried, failed, Stage(110, 120))
    axis = Axis.of(task, timezone.now())
    tally = tallies([task], axis, "default")[task.uuid]
    red, green = tally.at_once(State.ERROR, axis), tally.at_once(State.SUCCESS, axis)
    at = [int(second / axis.width) for second in (5, 15, 25, 65, 75, 85)]
    assert [round(red[number], 2) for number in at] == [1, 0, 0, 1, 0, 1]
    assert [round(green[number], 2) for number in at] == [0, 0, 1, 0, 0, 0]
    assert tally.retried == [0]


def test_a_pause_is_a_column_up_to_its_end() -> None:
    task = run(Stage(0, state=State.RUNNING), elapsed=100)
    assert task.started_at is not None
    for second, verb in ((10, "pause"), (15, "retry"), (30, "resume"), (60, "pause")):
        at = task.started_at + timedelta(seconds=second)
        TaskEvent.objects.create(task=task, verb=verb, at=at, by="admin", result="{}")
    found = zones(task, Axis.of(task, timezone.now()), "default")
    assert [(round(zone.start), round(zone.end), zone.by) for zone in found] == [(10, 30, "admin"), (60, 100, "admin")]


def test_a_real_run_is_drawn(viewer: Client) -> None:
    task = build("Import", EntityWrapper(FanOut, {"good": 25, "bad": 2}), EntityWrapper(Say), unique=False)
    run_pending()
    content = page(viewer, task)
    assert "1 FanOut" in content
    assert "27 stages" in content
    assert "Fail 26: Failed; 2 starts" in content
    assert "Fail 27: Failed; 2 starts" in content
    assert "Succeeded" in content


def test_no_size_has_more_than_40_rows_and_120_pieces(viewer: Client) -> None:
    above = [Stage(number, number + 1, handler="shop.FanOut") for number in range(16)]
    task = run(*above)
    for stage in TaskStage.objects.filter(task=task).select_related("task__root"):
        run(*fan_out(30), title=f"Rows {stage.order}", parallel=True, parent=stage, start=stage.started_at)
    found = rows_of(task)
    assert 25 <= len(found.rows) <= MOST_ROWS
    for row in found.rows:
        for _, values in row.band.layers if row.band else ():
            assert len(values) == BINS
    drawn = re.findall(r"<svg class=\"plot\".*?</svg>\s*</div>", page(viewer, task), re.DOTALL)
    assert all(svg.count("<rect") <= 2 * BINS * 3 for svg in drawn)


def test_the_number_of_queries_is_the_same_for_any_size(viewer: Client) -> None:
    counts = []
    for size in (30, 3_000):
        task = run(Stage(0, 100, handler="shop.FanOut"), Stage(100, 101, handler="shop.Report"))
        parent = TaskStage.objects.get(task=task, order=0)
        run(*fan_out(size), parallel=True, parent=parent, start=task.started_at)
        with CaptureQueriesContext(connection) as captured:
            page(viewer, task)
        counts.append(len(captured))
    assert counts == [19, 19]


def test_no_query_reads_all_stages_of_the_table() -> None:
    task = run(*fan_out(1_000), parallel=True)
    add_stages(run(*fan_out(1), parallel=True), 40_000)
    with CaptureQueriesContext(connection) as captured:
        rows_of(task)
    table = TaskStage._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE")
        for query in captured:
            if not query["sql"].startswith("SELECT"):
                continue
            prefix = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
            cursor.execute(prefix + query["sql"].replace("%", "%%"))
            plan = "\n".join(" ".join(map(str, line)) for line in cursor.fetchall())
            assert f"SCAN {table}" not in plan, plan
            assert f"Seq Scan on {table}" not in plan, plan
            assert not re.search(rf"{table} (None )?ALL ", plan), plan


def test_foreign_text_does_no_harm_and_nothing_is_inline(viewer: Client) -> None:
    task = run(Stage(0, 1, handler=f"shop.{HOSTILE}"), title=HOSTILE)
    TaskEvent.objects.create(task=task, verb="pause", at=timezone.now(), by=HOSTILE, result="{}")
    content = page(viewer, task)
    ours = content[content.index('id="content-main"') :]
    assert "<script" not in ours
    assert "\x1b" not in content
    assert " style=" not in content
    assert not re.search(r" on\w+=", ours)


def test_states_that_nobody_knows_hide_nothing(viewer: Client) -> None:
    task = run(Stage(0, 1), Stage(1, 2), elapsed=10)
    TaskStage.objects.filter(task=task, order=0).update(state="LIMBO")
    content = page(viewer, task)
    assert "1 LoadBatch: LIMBO" in content
    assert "2 LoadBatch: Succeeded" in content
    Task.objects.filter(uuid=task.uuid).update(state="LIMBO")
    assert "a state that this version does not know, LIMBO" in page(viewer, task)


def test_who_may_see_it(client: Client, viewer: Client) -> None:
    task = run(Stage(0, 1))
    assert viewer.get(address(task)).status_code == 200
    assert viewer.get(address(uuid4())).status_code == 404
    client.logout()
    assert client.get(address(task)).status_code == 302
    client.force_login(User.objects.create_user("stranger", is_staff=True))
    assert client.get(address(task)).status_code == client.get(live(task)).status_code == 403


def test_an_open_task_is_told_what_changed_and_an_ended_one_that_it_ended(viewer: Client) -> None:
    task = run(Stage(0, state=State.RUNNING), Stage(state=State.READY), elapsed=20)
    content = page(viewer, task)
    assert f'data-dtp-live="{live(task)}"' in content
    ids = set(re.findall(r'<(?:div|span|p) [^>]*id="([\w-]+)"', content))
    parts = viewer.get(live(task))
    told = set(re.findall(r'^<(?:div|span|p) [^>]*id="([\w-]+)"', parts.content.decode(), re.MULTILINE))
    assert {"dtp-gantt", "dtp-rate", "dtp-rate-note", "dtp-rate-table", "dtp-durations", "dtp-memory"} <= told
    assert told - ids == {"top-log"}
    assert parts["X-Task-Finished"] == ""
    ended = timezone.now()
    Task.objects.filter(uuid=task.uuid).update(state=State.ERROR, finished_at=ended)
    first = viewer.get(live(task))
    assert first["X-Task-Finished"]
    assert viewer.get(live(task), headers={"If-None-Match": first["ETag"]}).status_code == 304
    assert "data-dtp-live" not in page(viewer, task)


def test_a_task_that_has_not_begun_has_rows_without_bars(viewer: Client) -> None:
    task = build("Later", EntityWrapper(Say), EntityWrapper(Say), unique=False)
    assert [row.bars for row in rows_of(task).rows] == [(), ()]
    assert "1 Say: not begun" in page(viewer, task)


def test_a_task_with_many_stages_of_its_own_is_one_band(viewer: Client) -> None:
    task = run(*fan_out(300), parallel=True)
    add(task, [Stage(state=State.READY)] * 5)
    found = rows_of(Task.objects.get(uuid=task.uuid))
    assert found.rows[0].band is not None
    assert found.rows[0].level == 1
    assert "305 stages" in page(viewer, task)
