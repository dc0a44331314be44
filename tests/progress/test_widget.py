"""The widget: what it says at each step, at what cost, and to whom."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.http import HttpRequest
from django.template import Context, Template
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_tasks_poc import EntityWrapper, State
from django_tasks_poc.models import Task
from django_tasks_poc.progress.face import Face, face

from ..building import build
from ..handlers import Noop
from ..support_rows import add_stages
from ..support_storage import Store, error, success, waits

pytestmark = pytest.mark.django_db

NBSP = "\N{NO-BREAK SPACE}"


def url(task: Any) -> str:
    return reverse("django_tasks_poc:progress", args=[getattr(task, "uuid", task)])


def seen(task: Task) -> Face:
    return face(Task.objects.get(uuid=task.uuid))


def widths(task: Task) -> dict[str, float]:
    return {part.kind: float(part.width.rstrip("%")) for part in seen(task).segments}


def rendered(*tasks: Any) -> str:
    template = Template("{% load django_tasks_poc %}{% for task in tasks %}{% task_progress task %}{% endfor %}")
    return template.render(Context({"tasks": tasks}))


def allow(request: HttpRequest, task: Task) -> bool:
    """A PROGRESS_PERMISSION."""
    return request.GET.get("please") == "1" and task.node == "default"


@pytest.fixture
def ann(client: Client) -> User:
    user = User.objects.create_user("ann")
    client.force_login(user)
    return user


def test_an_import_from_its_build_to_its_end() -> None:
    store = Store()
    task = store.root(2)
    assert (seen(task).say, seen(task).percent, seen(task).state) == ("Will begin soon", 0, State.READY)

    (first,) = store.claim()
    assert seen(task).say == "Step 1 of 2"
    store.stage_command.progress({first.stage: (first.token, '[30,1200,"bytes read"]')})
    assert seen(task).say == "30 of 1,200 bytes read"

    nested = store.promise(first, 4)
    store.record(waits(first, nested))
    store.record(success(store.claim(1)[0]))
    assert (seen(task).say, seen(task).percent, seen(task).state) == ("1 of 4 done", 25, State.RUNNING)

    claims = store.claim(3)
    store.record(error(claims[0]), *[success(claim) for claim in claims[1:]])
    assert (seen(task).say, seen(task).percent) == ("4 of 4 done, finishing", 99)
    assert (seen(task).failures, widths(task)) == ("1 failed", {"success": 75.0, "error": 25.0})

    store.record(success(store.claim()[0], "99 rows loaded"))
    now = seen(task)
    assert re.fullmatch(rf"Done in \d+\.\d{NBSP}s: 99 rows loaded", now.say)
    assert (now.percent, now.is_finished, now.failures) == (100, True, "1 failed")


def test_a_task_whose_node_left_the_settings_is_still_told_of() -> None:
    store = Store()
    task = store.root(2)
    store.claim()
    Task.objects.filter(uuid=task.uuid).update(node="gone")
    assert seen(task).say == "Step 1 of 2"


def test_what_a_handler_raised_is_no_business_of_those_who_wait() -> None:
    store = Store()
    task = store.root(3)
    store.record(error(store.claim()[0], "OperationalError: password=hunter2"))
    store.drain()
    assert (seen(task).say, seen(task).state) == ("Stopped at 3 of 3", State.ERROR)
    assert "hunter2" not in rendered(task)


def test_a_pause_a_cancel_and_a_delay() -> None:
    store = Store()
    task = store.root(2)
    Task.objects.filter(uuid=task.uuid).update(due=timezone.now() + dt.timedelta(minutes=5, seconds=30))
    assert seen(task).say == f"Begins in about 5{NBSP}min"
    Task.objects.filter(uuid=task.uuid).update(due=None)
    task.pause()
    assert (seen(task).say, seen(task).kind) == ("Paused at 0 of 2", "paused")
    task.cancel()
    store.drain()
    assert (seen(task).say, seen(task).kind) == ("Canceled at 0 of 2", "canceled")


@pytest.mark.parametrize(
    ("done", "passed", "left"),
    [(10, 60, None), (50, 60, "1 min"), (50, 10, "10 s"), (50, 7200, "2 h"), (99, 5, "5 s")],
)
def test_an_estimate_comes_when_there_is_ground_for_it(done: int, passed: float, left: str | None) -> None:
    store = Store()
    task = store.root(1, parallel=True)
    add_stages(task, done - 1, state=State.SUCCESS)
    started = timezone.now() - dt.timedelta(seconds=passed)
    Task.objects.filter(uuid=task.uuid).update(
        state=State.RUNNING, started_at=started, total_count=100, success_count=done, open_count=100 - done
    )
    found = re.search(r", about (.*) left$", seen(task).say)
    assert (found[1].replace(NBSP, " ") if found else None) == left


def test_a_few_failures_among_many_can_be_seen() -> None:
    store = Store()
    task = store.root(1)
    Task.objects.filter(uuid=task.uuid).update(
        total_count=100_000, open_count=0, success_count=99_999, error_count=1, finished_at=timezone.now()
    )
    assert widths(task) == {"success": 98.5, "error": 1.5}


@pytest.mark.parametrize("size", [1, 5000])
def test_it_costs_the_same_however_many_stages_there_are(client: Client, ann: User, size: int) -> None:
    store = Store()
    task = store.root(2, created_by="ann")
    nested = store.wait(store.claim()[0], 1)
    if size > 1:
        add_stages(nested, size - 1, state=State.SUCCESS, finished_at=timezone.now())
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url(task)).status_code == 200
    assert len(queries) == 4  # session, user, task, nested task


def test_what_has_not_changed_is_not_sent_again(client: Client, ann: User) -> None:
    store = Store()
    task = store.root(2, created_by="ann")
    (etag,) = re.findall(r'data-etag="&quot;(\w+)&quot;"', rendered(task))
    same = client.get(url(task), headers={"if-none-match": f'"{etag}"'})
    assert (same.status_code, same.content) == (304, b"")
    assert {"private", "no-cache"} <= set(re.split(r",\s*", same["Cache-Control"]))
    store.claim()
    changed = client.get(url(task), headers={"if-none-match": f'"{etag}"'})
    assert (changed.status_code, changed["ETag"] != f'"{etag}"') == (200, True)
    assert "Step 1 of 2" in changed.content.decode()


def test_who_built_it_and_who_may_view_tasks_see_it_and_nobody_learns_that_it_is_there(client: Client) -> None:
    task = Store().root(1, created_by="ann")
    no_one = Store().root(1)
    answers = {}
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_task"))
    outsider = User.objects.create_user("outsider")
    outsider.user_permissions.add(Permission.objects.get(codename="view_task"))  # but the admin does not let them in
    for user in (None, User.objects.create_user("ann"), User.objects.create_user("bob"), staff, outsider):
        if user is not None:
            client.force_login(user)
        found = [client.get(url(which)) for which in (task, no_one, uuid4())]
        answers[getattr(user, "username", "")] = [answer.status_code for answer in found]
        assert len({answer.content for answer in found if answer.status_code == 404}) == 1
    assert answers == {
        "": [404, 404, 404], "ann": [200, 404, 404], "bob": [404, 404, 404], "staff": [200, 200, 404],
        "outsider": [404, 404, 404],
    }  # fmt: skip


def test_a_project_decides_who_sees_it(client: Client, settings: Any) -> None:
    settings.DJANGO_TASKS_POC = {"PROGRESS_PERMISSION": f"{__name__}.allow"}
    task = Store().root(1)
    assert client.get(url(task)).status_code == 404
    assert client.get(url(task) + "?please=1").status_code == 200


@pytest.fixture(autouse=True)
def default_permission(settings: Any) -> None:
    settings.DJANGO_TASKS_POC = {}


def test_a_user_given_as_who_built_it_sees_it_whatever_the_user_is_shown_as(
    client: Client, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given users that are shown by a name which others share, then only the one who built the task sees it."""
    monkeypatch.setattr(User, "__str__", lambda user: "Ann Smith")
    task = build("Import", EntityWrapper(Noop), created_by=ann)
    assert client.get(url(task)).status_code == 200
    client.force_login(User.objects.create_user("another_ann"))
    assert client.get(url(task)).status_code == 404


def test_it_is_only_read(client: Client, ann: User) -> None:
    task = Store().root(1, created_by="ann")
    assert client.head(url(task)).status_code == 200
    for method in ("post", "put", "patch", "delete"):
        assert getattr(client, method)(url(task)).status_code == 405


def test_several_on_a_page_share_their_style_and_script() -> None:
    store = Store()
    page = rendered(*[store.root(1, title=f"Task {number}") for number in range(3)])
    assert page.count("<script") == page.count('rel="stylesheet"') == page.count('id="tp-p-error"') == 1
    assert re.findall(r'role="progressbar" aria-label="(.*?)"', page) == ["Task 0", "Task 1", "Task 2"]
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?![^>]*\ssrc=)", page)


def test_a_hostile_title_does_no_harm() -> None:
    task = Store().root(1, title='<script>alert(1)</script>"\x1b\u202e' + "宽" * 200)
    page = rendered(task)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&quot;␛" in page
    assert "\x1b" not in page


def test_it_takes_a_uuid_too_and_says_what_it_cannot_take() -> None:
    task = Store().root(1, title="By its uuid")
    assert "By its uuid" in rendered(task.uuid)
    assert "By its uuid" in rendered(str(task.uuid))
    with pytest.raises(ValueError, match="takes a Task or its uuid, not 'x'"):
        rendered("x")


@pytest.mark.django_db(databases=["default", "even", "odd"])
def test_a_uuid_that_is_unknown_is_said(settings: Any) -> None:
    with pytest.raises(Task.DoesNotExist, match="There is no task"):
        rendered(uuid4())


def test_a_state_of_a_newer_version_is_shown_as_work() -> None:
    task = Store().root(1)
    Task.objects.filter(uuid=task.uuid).update(state="NOVEL")
    assert seen(task).state == State.RUNNING
