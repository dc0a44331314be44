"""The admin's pages: what they show, to whom, at what cost, and that hostile rows do no harm."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_tasks_poc import EntityWrapper, State, TaskBuilder, texts
from django_tasks_poc.admin import TaskAdmin
from django_tasks_poc.admin.values import show_json
from django_tasks_poc.lifecycle import host, process_started
from django_tasks_poc.models import ManagerProcess, Task, TaskStage
from django_tasks_poc.testing import run_pending

from .handlers_admin import Fail, FanOut, Pause, Say

pytestmark = pytest.mark.django_db(databases=["default", "even", "odd"])

LIST = reverse("admin:django_tasks_poc_task_changelist")
MANAGERS = reverse("admin:django_tasks_poc_managerprocess_changelist")
HOSTILE = "<script>alert(1)</script>{{ 1 }}\x1b[31m\u202egpj.exe"


@pytest.fixture
def viewer(client: Client) -> Client:
    """A client of somebody who may view, and nothing else."""
    user = User.objects.create_user("viewer", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_task", "view_managerprocess"]))
    client.force_login(user)
    return client


def build(title: str, *stages: EntityWrapper, **options: Any) -> Task:
    builder = TaskBuilder()
    return builder.build(builder.create(title, *stages, **{"unique": False, **options}))


def page_of(task: Task | UUID) -> str:
    return reverse("admin:django_tasks_poc_task_change", args=[task.uuid if isinstance(task, Task) else task])


def text_of(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def titles(client: Client, query: str = "") -> list[str]:
    return re.findall(
        r'<a href="[^"]*/change/[^"]*"><bdi dir="auto">(.*?)</bdi></a>', text_of(client, f"{LIST}{query}")
    )


def queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        text_of(client, url)
    return len(captured)


def test_the_list_shows_roots_newest_first(viewer: Client) -> None:
    build("First", EntityWrapper(FanOut, {"good": 2, "bad": 1}), EntityWrapper(Say, {"message": "two\nlines"}))
    run_pending()
    build("Second", EntityWrapper(Say))
    content = text_of(viewer, LIST)
    assert titles(viewer) == ["Second", "First"]
    assert '<span class="dtp-badge dtp-success">Succeeded</span>' in content
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


@pytest.mark.parametrize("lookup", ["shared__startswith", "options__contains", "stages__params__contains", "depth"])
def test_no_lookup_tells_what_is_masked(viewer: Client, lookup: str) -> None:
    assert viewer.get(LIST, {lookup: "x"}).status_code == 400


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


def test_the_count_of_the_list_is_limited(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        build(f"Task {number}", EntityWrapper(Say))
    monkeypatch.setattr(TaskAdmin.paginator, "limit", 4)
    monkeypatch.setattr(TaskAdmin, "list_per_page", 2)
    assert titles(viewer, "?p=2") == ["Task 2", "Task 1"]
    assert viewer.get(f"{LIST}?p=3").status_code == 302
    assert "These are the newest" in text_of(viewer, LIST)


def test_who_has_no_permission_sees_nothing(client: Client) -> None:
    task = build("Secret", EntityWrapper(Say))
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert [client.get(url).status_code for url in (LIST, MANAGERS, page_of(task))] == [403] * 3


def test_nothing_can_be_changed_not_even_by_a_superuser(client: Client) -> None:
    task = build("Fixed", EntityWrapper(Say))
    client.force_login(User.objects.create_superuser("admin"))
    names = ("add", "delete", "change")
    urls = [reverse(f"admin:django_tasks_poc_task_{name}", args=[task.uuid][: name != "add"]) for name in names]
    assert [client.post(url, {"title": "x"}).status_code for url in urls] == [403] * 3
    assert [client.get(url).status_code for url in urls] == [403, 403, 200]
    content = text_of(client, page_of(task)).partition('<div id="content-main"')[2]
    assert "<form" not in content
    assert "<input" not in content
    assert 'name="action"' not in text_of(client, LIST)
    task.refresh_from_db()
    assert task.title == "Fixed"


@pytest.mark.parametrize(
    "key", ["01900000-0000-7000-8000-000000000000", "abc", "00000000-0000-0000-0000-00000000000g", "_00", "1' OR 1=1"]
)
def test_an_unknown_task_is_answered_as_django_does(viewer: Client, key: str) -> None:
    response = viewer.get(f"{LIST}{key}/change/", follow=True)
    assert response.redirect_chain == [(reverse("admin:index"), 302)]
    assert "doesn’t exist" in response.content.decode()


def test_pages_have_no_script_and_style_of_their_own(viewer: Client) -> None:
    task = build("Plain", EntityWrapper(FanOut, {"good": 1, "bad": 1}))
    run_pending()
    for url in (LIST, page_of(task), page_of(Task.objects.get(depth=1)), MANAGERS):
        content = text_of(viewer, url)
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", content)
        assert "django_tasks_poc/admin.css" in content


def test_a_big_response_is_cut_and_masked() -> None:
    shown = show_json('{"rows":["' + '","'.join(["x" * 60] * 20_000) + '"]}')
    assert len(shown.text.encode()) <= 64 * 1024
    assert shown.note == "Showing the first 64\xa0KB of 1.2\xa0MB."
    assert "abc" not in show_json('{"a": [{"api_key": {"deep": "abc"}}]}').text
    for broken in ('{"TOKEN": "abc\\"abc", x', '{"token":["abc"], x', '{"token":{"a":"abc"},', '{"my_secret": "abc'):
        assert "abc" not in show_json(broken).text


def test_managers_are_alive_late_dead_or_stopped(viewer: Client) -> None:
    now = timezone.now()

    def add(label: str, seconds: int, **values: Any) -> None:
        ManagerProcess.objects.create(**{
            "node": label, "host": "elsewhere boot ns", "pid": 1, "process_started": "1", "executor": "prefork",
            "queue_size": 8, "running": 3, "version": "1.2", "started_at": now,
            "beat_at": now - dt.timedelta(seconds=seconds), **values,
        })  # fmt: skip

    add("alive", 1)
    add("late", 25)
    add("dead", 40)
    add("stopped", 50, stopped_at=now)
    add("here", 60, host=host(), process_started=process_started(1))
    add("gone", 70, host=host(), process_started="another")
    content = text_of(viewer, MANAGERS)
    found = re.findall(
        r'<span class="dtp-life [\w-]+">(\w+)</span></td><td class="field-shown_node">([\w-]+)</td>', content
    )
    words = {"alive": "Alive", "late": "Late", "dead": "Dead", "stopped": "Stopped", "here": "Late", "gone": "Dead"}
    assert {node: word for word, node in found} == words
    for part in ("elsewhere</span>", "3 / 8", "prefork", "1.2"):
        assert part in content, part
    assert viewer.get(reverse("admin:django_tasks_poc_managerprocess_change", args=[uuid4()])).status_code == 302
    uuid = ManagerProcess.objects.values_list("uuid", flat=True)[0]
    assert "Save" not in text_of(viewer, reverse("admin:django_tasks_poc_managerprocess_change", args=[uuid]))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.31, "0.3 s"), (59.96, "1 min 00 s"), (109, "1 min 49 s"), (11_040, "3 h 04 min"), (187_200, "2 d 4 h")],
)
def test_durations_are_words(seconds: float, words: str) -> None:
    assert texts.duration(seconds).replace("\xa0", " ") == words
