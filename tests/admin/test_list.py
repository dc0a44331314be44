"""The list of tasks: what it shows, how it is filtered, searched and paged, and at what cost."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_tasks_poc import EntityWrapper, State
from django_tasks_poc.admin import TaskAdmin
from django_tasks_poc.models import Task, TaskStage
from django_tasks_poc.testing import run_pending

from ..handlers_admin import Fail, FanOut, Pause, Say
from .trees import build, page_of, queries, text_of, titles

pytestmark = pytest.mark.django_db(databases=["default", "even", "odd"])

LIST = reverse("admin:django_tasks_poc_task_changelist")
MANAGERS = reverse("admin:django_tasks_poc_managerprocess_changelist")


def url_of_live() -> str:
    return reverse("admin:django_tasks_poc_task_list_live")


def test_the_list_shows_roots_newest_first(viewer: Client) -> None:
    build("First", EntityWrapper(FanOut, {"good": 2, "bad": 1}), EntityWrapper(Say, {"message": "two\nlines"}))
    run_pending()
    build("Second", EntityWrapper(Say))
    content = text_of(viewer, LIST)
    assert titles(viewer) == ["Second", "First"]
    assert re.search(r'<span class="dtp-badge dtp-success"><svg [^>]*><use [^>]*></use></svg>Succeeded</span>', content)
    assert "2 of 2" in content
    assert "two lines" in content
    assert "not begun" in content
    assert re.search(r'<time datetime="[^"]+" title="\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC">\d+\xa0s ago</time>', content)


def test_a_task_that_waits_shows_how_far_its_nested_task_is(viewer: Client) -> None:
    task = build("Import", EntityWrapper(FanOut, {"good": 3, "title": "Rows"}), EntityWrapper(Say))
    run_pending()
    TaskStage.objects.filter(task=task).update(state=State.WAITING)
    Task.objects.filter(uuid=task.uuid).update(
        state=State.WAITING, waiting_count=1, open_count=2, success_count=0, finished_at=None, position=0
    )
    Task.objects.filter(parent_stage__task=task).update(
        state=State.RUNNING, open_count=1, success_count=2, finished_at=None
    )
    content = text_of(viewer, LIST)
    assert "2 of 3" in content
    assert "dtp-running" in content
    assert "Stage 1 of 2, FanOut, waits for “Rows”: 2 of 3." in text_of(viewer, page_of(task))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?state=ERROR", ["Bad"]),
        ("?state=open", ["Paused"]),
        ("?state=RUNNING", []),
        ("?state=nonsense", ["Paused", "Bad", "Good"]),
        ("?node=default&state=SUCCESS", ["Good"]),
        ("?node=elsewhere", []),
        ("?q=oo", ["Good"]),
        ("?q=100%25", []),
    ],
)
def test_the_list_is_filtered_and_searched(viewer: Client, query: str, found: list[str]) -> None:
    build("Good", EntityWrapper(Say))
    build("Bad", EntityWrapper(Fail))
    build("Paused", EntityWrapper(Pause))
    run_pending()
    assert titles(viewer, query) == found


def test_a_uuid_finds_the_root_also_of_a_nested_task(viewer: Client) -> None:
    task = build("Root", EntityWrapper(FanOut, {"good": 1}))
    build("Other", EntityWrapper(Say))
    run_pending()
    nested = Task.objects.get(depth=1)
    assert titles(viewer, f"?q={task.uuid}") == titles(viewer, f"?q={nested.uuid.hex}") == ["Root"]
    assert titles(viewer, f"?q={uuid4()}") == []


def test_promised_tasks_are_nowhere(viewer: Client) -> None:
    task = build("Root", EntityWrapper(FanOut, {"good": 1}))
    run_pending()
    nested = Task.objects.get(depth=1)
    Task.objects.filter(depth=1).update(state=State.PROMISED)
    assert str(nested.uuid) not in text_of(viewer, page_of(task))
    assert viewer.get(page_of(nested)).status_code == 302
    assert titles(viewer, f"?q={nested.uuid}") == []


def test_the_number_of_queries_does_not_grow_with_the_rows(viewer: Client) -> None:
    small = build("Small", EntityWrapper(FanOut, {"good": 2, "bad": 1}))
    run_pending()
    few = queries(viewer, LIST), queries(viewer, page_of(Task.objects.get(depth=1))), queries(viewer, MANAGERS)
    big = build("Big", EntityWrapper(FanOut, {"good": 40, "bad": 20}))
    for number in range(30):
        build(f"More {number}", EntityWrapper(Say))
    run_pending()
    nested = Task.objects.get(parent_stage__task=big)
    many = queries(viewer, LIST), queries(viewer, page_of(nested)), queries(viewer, MANAGERS)
    assert all(most <= least for most, least in zip(many, few, strict=True))
    assert max(few) <= 18
    assert queries(viewer, page_of(small)) == queries(viewer, page_of(big))


def test_pages_go_by_key_and_back(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        build(f"Task {number}", EntityWrapper(Say))
    monkeypatch.setattr(TaskAdmin, "list_per_page", 2)
    seen, query = [], ""
    while True:
        content = text_of(viewer, f"{LIST}{query}")
        seen.append(titles(viewer, query))
        found = re.search(r'href="([^"]*)" rel="next"', content)
        if found is None:
            break
        query = found[1].replace("&amp;", "&")
    assert seen == [["Task 4", "Task 3"], ["Task 2", "Task 1"], ["Task 0"]]
    back = re.search(r'href="([^"]*)" rel="prev"', content)
    assert back is not None
    assert titles(viewer, back[1]) == ["Task 2", "Task 1"]
    # A task that was built meanwhile moves no page.
    build("Newest", EntityWrapper(Say))
    assert titles(viewer, query) == ["Task 0"]


@pytest.mark.parametrize(
    "key", ["", "x", "1-2", "-", "99999999999999999999999-0193a7f26c1e7b049d3a5e2f18c40b77", "1;DROP TABLE", "²-1"]
)
def test_a_tampered_key_shows_the_newest_and_says_so(viewer: Client, key: str) -> None:
    build("Only", EntityWrapper(Say))
    for name in ("older", "newer"):
        content = viewer.get(LIST, {name: key}).content.decode()
        assert "these are the newest tasks" in content
        assert "Only" in content
    assert viewer.get(url_of_live(), {"newest": key, "rows": f"..{key}.zz"}).status_code == 200


def test_two_nodes_of_one_database_are_one_list(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        task = build(f"Task {number}", EntityWrapper(Say))
        Task.objects.filter(uuid=task.uuid).update(node=("default", "elsewhere")[number % 2])
    monkeypatch.setattr(TaskAdmin, "list_per_page", 3)
    assert titles(viewer) == ["Task 3", "Task 2", "Task 1"]
    assert titles(viewer, "?node=elsewhere") == ["Task 3", "Task 1"]


def test_nothing_scans_the_table(viewer: Client) -> None:
    build("Only", EntityWrapper(Say))
    with CaptureQueriesContext(connection) as captured:
        for query in ("", "?state=open", "?state=ERROR", "?built=day", f"?older=1-{uuid4().hex}"):
            text_of(viewer, f"{LIST}{query}")
    ours = [query["sql"] for query in captured if "django_tasks_poc_" in query["sql"]]
    assert ours
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for sql in ours:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
                plan = [row[3] for row in cursor.fetchall()]
                scans = [line for line in plan if re.search(r"SCAN (django_tasks_poc|T\d|U\d)", line)]
                assert not scans, (sql, scans)


@pytest.mark.parametrize(("seconds", "found"), [(60, ["Aged"]), (7200, [])])
def test_the_list_is_filtered_by_age(viewer: Client, seconds: int, found: list[str]) -> None:
    task = build("Aged", EntityWrapper(Say))
    Task.objects.filter(uuid=task.uuid).update(created_at=timezone.now() - dt.timedelta(seconds=seconds))
    assert titles(viewer, "?built=hour") == found
    assert titles(viewer, "?built=nonsense") == ["Aged"]


def test_a_node_with_work_and_no_manager_is_said_first(viewer: Client) -> None:
    task = build("Waits", EntityWrapper(Say))
    content = text_of(viewer, LIST)
    assert "No manager is running on node default." in content
    assert "manage.py run_task_manager --node default" in content
    task.cancel()
    run_pending()
    assert "No manager is running" not in text_of(viewer, LIST)


def test_an_empty_list_says_what_to_do(viewer: Client) -> None:
    assert "No tasks yet" in text_of(viewer, LIST)
    content = text_of(viewer, f"{LIST}?state=ERROR&built=hour&q=x%3Cb%3E")
    assert "No task matches" in content
    assert "Failed, Past hour, “x&lt;b&gt;”." in content


def test_hostile_titles_stay_text(viewer: Client) -> None:
    build("<script>alert(1)</script>{{ 1 }}\x1b[31m\u202egpj.exe", EntityWrapper(Say))
    build("\u8868" * 255, EntityWrapper(Say))
    content = text_of(viewer, LIST)
    assert "<script>alert" not in content
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 1 }}␛[31m\\u202egpj.exe" in content
    assert "\u8868" * 119 + "…" in content


class TestLive:
    """What an open list asks for every two seconds."""

    def ask(self, client: Client, page: str, **headers: str) -> Any:
        found = re.search(r'data-dtp-live="([^"]+)"', page)
        assert found is not None
        return client.get(found[1].replace("&amp;", "&"), headers=headers)

    def test_its_rows_stay_and_newer_ones_are_counted(self, viewer: Client) -> None:
        first = build("First", EntityWrapper(Say))
        page = text_of(viewer, LIST)
        build("Second", EntityWrapper(Say))
        run_pending()
        build("Third", EntityWrapper(Say))
        answer = self.ask(viewer, page)
        content = answer.content.decode()
        assert "2 newer tasks. Show them" in content
        assert set(re.findall(r'id="t-(\w+)-state"', content)) == {first.uuid.hex}
        assert "Succeeded" in content
        assert "no-store" in answer["Cache-Control"]

    def test_what_did_not_change_is_not_sent_again(self, viewer: Client) -> None:
        task = build("Done", EntityWrapper(Say))
        run_pending()
        Task.objects.filter(uuid=task.uuid).update(created_at=timezone.now() - dt.timedelta(days=3))
        page = text_of(viewer, LIST)
        first = self.ask(viewer, page)
        again = self.ask(viewer, page, **{"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")

    def test_a_purged_task_is_said_to_be_gone(self, viewer: Client) -> None:
        task = build("Gone", EntityWrapper(Say))
        page = text_of(viewer, LIST)
        Task.objects.filter(uuid=task.uuid).update(purging=True)
        assert "Purged while this page was open" in self.ask(viewer, page).content.decode()

    def test_it_needs_a_session_and_the_right(self, viewer: Client) -> None:
        page = text_of(viewer, LIST)
        viewer.force_login(User.objects.create_user("nobody", is_staff=True))
        assert self.ask(viewer, page).status_code == 403
        viewer.logout()
        assert self.ask(viewer, page).status_code == 302
