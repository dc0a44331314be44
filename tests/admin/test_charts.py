"""The charts of a task: what they count, what they cost, and that they can be read as tables."""

from __future__ import annotations

import random
import re
import statistics
import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from django_tasks_poc import State
from django_tasks_poc.admin.timeline import expressions
from django_tasks_poc.admin.timeline import page as pages
from django_tasks_poc.admin.timeline.axis import Axis
from django_tasks_poc.admin.timeline.charts import durations_chart, memory_chart
from django_tasks_poc.admin.timeline.durations import BARS, durations, histogram
from django_tasks_poc.admin.timeline.memory import memory
from django_tasks_poc.admin.timeline.rate import rate
from django_tasks_poc.admin.timeline.recent import Recent
from django_tasks_poc.admin.timeline.rows import Links
from django_tasks_poc.admin.timeline.tally import tallies
from django_tasks_poc.models import Task

from .drawings import Stage, run
from .test_timeline import address, fan_out

pytestmark = pytest.mark.django_db(databases=["default", "even", "odd"])


@pytest.fixture
def admin_client_of_ours(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def test_durations_have_the_median_and_the_percentile_of_the_rows() -> None:
    stages = fan_out(1_000)
    task = run(*stages, Stage(0, state=State.RUNNING), Stage(state=State.READY), elapsed=101, parallel=True)
    found = durations(task, "default")
    assert found is not None
    took = sorted(stage.end - stage.begin for stage in stages if stage.end is not None and stage.begin is not None)
    assert found.total == 1_000
    assert found.median == pytest.approx(statistics.median_low(took), rel=0.01)
    assert found.p95 == pytest.approx(took[949], rel=0.01)
    assert sum(found.succeeded) + sum(found.failed) + sum(found.longer) == 1_000
    assert sum(found.failed) + found.longer[1] == sum(stage.state == State.ERROR for stage in stages)
    for number in (1, 4, 9):
        begin, end = number * found.width, (number + 1) * found.width
        exact = sum(begin <= one < end for one in took)
        assert abs(found.succeeded[number] + found.failed[number] - exact) <= 3


@pytest.mark.parametrize("took", [0.0, 0.0004, 0.02, 1.0, 59.9, 300.0, 90_000.0, 1e7])
def test_a_single_duration_has_a_place(took: float) -> None:
    found = histogram("One", [("SUCCESS", took, 3)])
    assert found is not None
    assert sum(found.succeeded) == 3
    assert found.longer == (0, 0)
    assert len(found.succeeded) == BARS


def test_one_that_takes_much_longer_stands_behind_the_others() -> None:
    found = histogram("Long tail", [("SUCCESS", 1.0, 99), ("ERROR", 300.0, 1)])
    assert found is not None
    assert found.longer == (0, 1)
    assert found.limit < 3


def test_memory_is_by_handler_with_the_stage_of_the_peak() -> None:
    chance = random.Random(3)
    sizes = [chance.randint(60_000, 900_000) for _ in range(500)]
    sizes[123] = 3_000_000
    task = run(*(Stage(0, 1, max_rss=size) for size in sizes), Stage(0, 1, handler="shop.Parse", max_rss=50_000))
    load, parse = memory([task], "default")
    assert (load.handler, load.count, load.peak, load.order) == ("LoadBatch", 500, 3_000_000 * 1024.0, 123)
    assert load.least == pytest.approx(min(sizes) * 1024, abs=2**20)
    assert load.median == pytest.approx(statistics.median_low(sizes) * 1024, rel=0.03)
    assert load.p95 == pytest.approx(sorted(sizes)[474] * 1024, rel=0.03)
    assert (parse.median, parse.peak) == (48 * 2.0**20, 50_000 * 1024.0)


def test_of_a_very_large_task_a_sample_is_read_and_of_a_small_one_beside_it_all(monkeypatch: Any) -> None:
    monkeypatch.setattr(expressions, "_SAMPLE", 100)
    large = run(*(Stage(0, 1 + number % 10, max_rss=50_000 + number * 2_000) for number in range(500)), parallel=True)
    small = run(*(Stage(0, 1, handler="shop.Parse", max_rss=70_000) for _ in range(3)))
    load, parse = memory([large, small], "default")
    assert (load.count, load.order, load.nth, parse.count) == (100, 495, 5, 3)
    found = durations(large, "default")
    assert found is not None
    assert (found.total, found.nth) == (100, 5)
    assert "one stage in 5" in durations_chart(found).note
    assert "one stage in 5" in memory_chart([load, parse]).note


def test_the_rate_adds_up_to_all_that_ended() -> None:
    stages = fan_out(400)
    task = run(*stages, Stage(0, 50, State.CANCELED), elapsed=105, parallel=True)
    axis = Axis.of(task, timezone.now())
    found = rate(tallies([task], axis, "default").values(), axis, task.total_count)
    assert found.total == 400
    assert sum(found.succeeded + found.failed) * found.width == pytest.approx(400)
    assert found.mean == pytest.approx(400 / 105, rel=0.01)
    last = [stage for stage in stages if stage.end is not None and 102 <= stage.end < 104]
    assert found.latest == pytest.approx(len(last) / 2)


def test_each_chart_is_also_a_table(admin_client_of_ours: Client) -> None:
    task = run(*fan_out(50), parallel=True, title="Rows & more")
    content = admin_client_of_ours.get(address(task)).content.decode()
    figures = re.findall(r"<figure.*?</figure>", content, re.DOTALL)
    assert len(figures) == 3
    for figure in figures:
        assert re.search(r'<svg class="plot"[^>]* role="img" aria-label="[^"]{20,}"', figure)
        assert "<summary>Show as a table</summary>" in figure
        assert figure.count('<th scope="col">') >= 3
        assert figure.count('<th scope="row">') >= 1
    assert "50 finished stages of Rows &amp; more" in content
    counts = re.findall(r"<tr><th scope=\"row\">[^<]*</th><td>(\d+)</td><td>(\d+)</td></tr>", figures[1])
    assert sum(int(good) + int(bad) for good, bad in counts) == 50


def test_a_task_without_finished_stages_has_empty_charts(admin_client_of_ours: Client) -> None:
    task = run(Stage(0, state=State.RUNNING), elapsed=5)
    content = admin_client_of_ours.get(address(task)).content.decode()
    assert content.count("<figure") == 3
    assert content.count("nothing was measured yet") == 2


def test_a_big_task_is_read_once_in_a_while(monkeypatch: Any, django_assert_num_queries: Any) -> None:
    task = run(*fan_out(30), elapsed=120)
    monkeypatch.setattr(pages, "_recent", Recent(10.0))

    def read() -> pages.Timeline:
        return pages.timeline(Task.objects.get(uuid=task.uuid), "default", Links(task=str, stage=str))

    assert read() is not read()
    monkeypatch.setattr(pages, "BIG", 29)
    first = read()
    assert first.is_big
    with django_assert_num_queries(1):
        assert read() is first
    Task.objects.filter(uuid=task.uuid).update(finished_at=timezone.now())
    assert read() is not first


def test_a_big_task_is_kept_for_each_admin_site_and_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    task = run(*fan_out(30), elapsed=120)
    monkeypatch.setattr(pages, "_recent", Recent(10.0))
    monkeypatch.setattr(pages, "BIG", 29)

    def read(site: str) -> pages.Timeline:
        links = Links(task=lambda key: f"/{site}/task/{key}/", stage=lambda key: f"/{site}/stage/{key}/")
        return pages.timeline(Task.objects.get(uuid=task.uuid), "default", links)

    assert "/staff/" in repr(read("staff"))
    assert "/staff/" not in repr(read("admin"))
    with timezone.override("Asia/Tokyo"):
        there = read("admin")
    with timezone.override("America/New_York"):
        assert read("admin").since != there.since


@pytest.mark.anywhere
def test_what_is_kept_is_dropped_in_time() -> None:
    recent: Recent[int] = Recent(600, most=2)
    for number in range(3):
        recent.put(number, number)
    assert [recent.get(number) for number in range(3)] == [None, 1, 2]
    soon_old: Recent[int] = Recent(0.05, most=2)
    soon_old.put(2, 2)
    deadline = time.monotonic() + 5
    while soon_old.get(2) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
