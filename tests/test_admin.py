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
from django_tasks_poc.models import AttemptOutcome, Kind, ManagerProcess, StageAttempt, Task, TaskStage
from django_tasks_poc.testing import run_pending

from .handlers_admin import Fail, FanOut, Pause, Say, Tell

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
        state=State.WAITING, waiting_count=1, open_count=2, success_count=0, finished_at=None
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


def test_a_page_shows_stages_details_and_links_up_and_down(viewer: Client) -> None:
    task = build(
        "Import",
        EntityWrapper(FanOut, {"good": 2, "bad": 1, "deeper": 1}),
        EntityWrapper(Say, {"message": "all told", "response": {"rows": 2}}),
        finally_=EntityWrapper(Tell), shared={"path": "a.csv", "api_token": "hunter2"},
        created_by="admin", unique=True, unique_key="import:a",
    )  # fmt: skip
    run_pending()
    nested = Task.objects.get(depth=1)
    deepest = Task.objects.get(depth=2)
    content = text_of(viewer, page_of(task))
    for part in (
        "all told</p>", 'title="tests.handlers_admin.FanOut"', f'href="{page_of(nested)}"', "4 of 4, 1\xa0failed",
        '<span class="dtp-kind">finally</span>', "import:a", "one stage after another", "stops at the first failed",
        "&quot;path&quot;: &quot;a.csv&quot;", "&quot;rows&quot;: 2", "1 of 5",
    ):  # fmt: skip
        assert part in content, part
    assert "hunter2" not in content
    assert "&quot;api_token&quot;: &quot;********************&quot;" in content

    below = text_of(viewer, page_of(nested))
    for part in ("ValueError: failed on purpose", "Starts that failed: 2", "Traceback", "2 of 2", page_of(deepest)):
        assert part in below, part
    crumbs = text_of(viewer, page_of(deepest)).partition('<div class="breadcrumbs">')[2].partition("</div>")[0]
    assert re.findall(r'href="([^"]+/change/)"', crumbs) == [page_of(task), page_of(nested)]


def test_a_failed_start_is_shown_with_its_post_mortem(viewer: Client) -> None:
    task = build("Crash", EntityWrapper(Say))
    stage, now = TaskStage.objects.get(task=task), timezone.now()
    StageAttempt.objects.create(
        stage=stage, start=1, attempt=1, outcome=AttemptOutcome.CRASHED, host="worker-1 boot ns", pid=4711, signal=9,
        started_at=now - dt.timedelta(seconds=109), ended_at=now, max_rss=2_000_000, stderr="\x1b[31mlast words",
    )  # fmt: skip
    content = text_of(viewer, page_of(task))
    for part in (
        "Crashed: signal 9 (SIGKILL)", "1\xa0min 49\xa0s", "1.9\xa0GB", "worker-1, pid 4711", "␛[31mlast words",
    ):  # fmt: skip
        assert part in content, part


def test_the_second_attempt_has_its_own_beginning() -> None:
    build("Bad", EntityWrapper(Fail))
    run_pending()
    first, second = StageAttempt.objects.order_by("start")
    assert second.started_at is not None
    assert second.started_at >= first.ended_at


def test_events_say_who_when_and_why(viewer: Client) -> None:
    task = build("Paused", EntityWrapper(Say))
    task.pause(reason="disk full", by="operator")
    content = text_of(viewer, page_of(task))
    assert re.search("Paused by operator \\d+\xa0s ago: “disk full”", content)
    assert re.search(r"operator</td><td>pause</td><td[^>]*>disk full</td>", content)


def test_stages_come_a_page_at_a_time_and_by_state(viewer: Client) -> None:
    task = build("Many", *[EntityWrapper(Say)] * 120, parallel=True, finally_=EntityWrapper(Tell))
    run_pending()
    TaskStage.objects.filter(task=task, order__in=[7, 60, 110]).update(state=State.ERROR)

    def orders(query: str) -> list[int]:
        return [int(order) for order in re.findall(r'<tr id="stage-(\d+)">', text_of(viewer, page_of(task) + query))]

    assert orders("") == list(range(50))
    assert orders("?p=50") == list(range(50, 100))
    assert orders("?p=100") == list(range(100, 121))
    assert orders("?state=ERROR") == [7, 60, 110]
    assert orders("?state=ERROR&p=8") == [60, 110]
    assert orders("?stage=60") == [60]
    assert orders("?p=-1") == orders("?p=x&state=x") == list(range(50))
    assert orders(f"?p={10**30}") == []
    content = text_of(viewer, page_of(task) + "?p=50")
    assert 'href="?p=100"' in content
    assert 'href="?"' in content
    assert 'href="?state=ERROR"' in text_of(viewer, page_of(task) + "?state=ERROR&p=8")


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
    assert few == many
    assert max(many) <= 13
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


def test_hostile_rows_do_no_harm(viewer: Client) -> None:
    task = build("Hostile", EntityWrapper(Say), shared={"a": HOSTILE})
    run_pending()
    Task.objects.filter(uuid=task.uuid).update(
        title=HOSTILE, message=HOSTILE, options="no json", shared="{broken", response="[" * 100_000, created_by=HOSTILE,
    )  # fmt: skip
    TaskStage.objects.filter(task=task).update(
        handler="gone.module.<b>Nowhere", params='{"password": "hunter2", broken', message=HOSTILE, response="nope",
        traceback=HOSTILE, progress="[1", state=State.ERROR,
    )  # fmt: skip
    for url in (LIST, page_of(task), f"{page_of(task)}?stage=0", f"{MANAGERS}?q={HOSTILE}"):
        content = viewer.get(url, follow=True).content.decode()
        assert "alert(1)</script>" not in content
        assert "<b>Nowhere" not in content
        assert "\x1b" not in content
        assert "\u202e" not in content
        assert "hunter2" not in content
    content = text_of(viewer, page_of(task))
    for part in ("&lt;script&gt;alert(1)", "␛[31m", "{broken", "nope", "gone.module.", "cannot be read as JSON"):
        assert part in content, part


@pytest.mark.parametrize("state", State.values)
@pytest.mark.parametrize("parallel", [False, True])
def test_every_state_has_a_page(viewer: Client, state: str, parallel: bool) -> None:
    task = build("Any", EntityWrapper(Say), parallel=parallel)
    Task.objects.filter(uuid=task.uuid).update(state=state)
    TaskStage.objects.filter(task=task).update(state=state, progress='[1,2,"rows"]', kind=Kind.STAGE)
    assert viewer.get(page_of(task)).status_code == (302 if state == State.PROMISED else 200)


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
    assert shown.note == "Cut after 64\xa0KB; the whole has 1.2\xa0MB."
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
