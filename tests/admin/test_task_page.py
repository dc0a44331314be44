"""The page of a task: its tree, what is under each branch, and what it costs."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_tasks_poc import EntityWrapper, State
from django_tasks_poc.admin import tasks
from django_tasks_poc.admin.tree import views
from django_tasks_poc.admin.tree.branch import DEEPEST
from django_tasks_poc.admin.verbs import views as verbs_views
from django_tasks_poc.models import Kind, Task, TaskStage
from django_tasks_poc.testing import run_pending
from django_tasks_poc.viewer import find_task

from ..handlers_admin import FanOut, Say, Tell
from ..support_rows import add_stages, keep_counters
from .trees import HTMX, build, more_of, numbers, onlooker, queries, text_of, url, url_of_list

pytestmark = pytest.mark.django_db(databases=["default", "even", "odd"])


@pytest.fixture
def viewer(client: Client) -> Client:
    return onlooker(client)


def imported() -> tuple[Task, Task, Task]:
    """Return a task that ended, the nested task below it, and the one below that."""
    task = build(
        "Import",
        EntityWrapper(FanOut, {"good": 2, "bad": 1, "deeper": 1}),
        EntityWrapper(Say, {"message": "all told", "response": {"rows": 2}}),
        finally_=EntityWrapper(Tell), shared={"path": "a.csv", "api_token": "hunter2"},
        created_by="admin", unique=True, unique_key="import:a",
    )  # fmt: skip
    run_pending()
    return task, Task.objects.get(depth=1), Task.objects.get(depth=2)


def many(count: int = 120) -> Task:
    """Return a fan-out that ended, with a finally, whose stages 8, 61 and 111 failed."""
    task = build("Many", *[EntityWrapper(Say)] * count, parallel=True, finally_=EntityWrapper(Tell))
    run_pending()
    TaskStage.objects.filter(task=task, order__in=[7, 60, 110]).update(state=State.ERROR, message="ValueError: bad row")
    keep_counters(task)
    Task.objects.filter(uuid=task.uuid).update(total_count=count, open_count=0, success_count=count - 3)
    return Task.objects.get(uuid=task.uuid)


def test_a_page_shows_its_stages_and_all_about_the_task(viewer: Client) -> None:
    task, _, _ = imported()
    content = text_of(viewer, url("change", task))
    for part in (
        ">1 FanOut</a>", ">2 Say</a>", ">Tell</a>", '<span class="tag">finally</span>', "all told", "import:a",
        "one stage after another; stops at the first failed stage", "a.csv", "1 of 5",
    ):  # fmt: skip
        assert part in content, part
    assert "hunter2" not in content
    assert re.search(r'api_token.*?"?\*{20}', content)
    assert content.count('role="tree"') == 1
    assert re.findall(r'aria-posinset="(\d)"', content) == ["1", "2", "3"]
    assert content.count('aria-setsize="3"') == 3


def test_under_a_stage_that_waited_is_its_nested_task_and_so_on_down(viewer: Client) -> None:
    task, nested, deepest = imported()
    stage = TaskStage.objects.get(task=task, order=0)
    content = text_of(viewer, url("open", stage), level="1")
    assert url("change", nested) in content
    assert len(numbers(content)) == 4
    assert content.count('aria-level="2"') == 4
    assert "ValueError: failed on purpose" in content
    inner = TaskStage.objects.get(task=nested, handler__endswith="FanOut")
    content = text_of(viewer, url("open", inner), level="2")
    assert url("change", deepest) in content
    assert 'aria-level="3"' in content


def test_from_the_ninth_level_on_a_branch_opens_on_a_page_of_its_own(viewer: Client) -> None:
    task, nested, _ = imported()
    stage = TaskStage.objects.get(task=task, order=0)
    content = text_of(viewer, url("open", stage), level=str(DEEPEST))
    assert f"Level {DEEPEST + 1}." in content
    assert url("change", nested) in content
    assert numbers(content) == []
    assert numbers(text_of(viewer, url("open", stage), level="99999999")) == []
    assert len(numbers(text_of(viewer, url("open", stage), level="x"))) == 4


def test_a_tree_of_fifty_levels_is_walked_down_and_up(viewer: Client) -> None:
    task = build("Deep", EntityWrapper(FanOut, {"good": 1, "deeper": 49}))
    run_pending()
    deepest = Task.objects.get(depth=50)
    content = text_of(viewer, url("change", deepest))
    crumbs = content.partition('<div class="breadcrumbs">')[2].partition("</div>")[0]
    assert "…" in crumbs
    assert crumbs.count("/change/") == 10
    down = 0
    while (stage := TaskStage.objects.filter(task=task, nested_tasks__isnull=False).first()) is not None:
        level = down % DEEPEST + 1
        text_of(viewer, url("open", stage), level=str(level))
        task, down = stage.nested_tasks.get(), down + 1
    assert (task, down) == (deepest, 50)


def test_a_fan_out_shows_the_failed_first_and_twenty_more_at_a_time(viewer: Client) -> None:
    task = many()
    content = text_of(viewer, url("change", task))
    found = numbers(content)
    assert found[:5] == [8, 61, 111, 1, 2]
    assert content.count("ValueError: bad row") == 3
    while address := more_of(content):
        content = text_of(viewer, address)
        found += numbers(content)
    assert sorted(found) == list(range(1, 122))
    assert found[-1] == 121  # the finally


def test_chips_and_orders_choose_stages(viewer: Client) -> None:
    task = many()
    page = url("change", task)
    assert numbers(text_of(viewer, page, show="failed")) == [8, 61, 111]
    assert numbers(text_of(viewer, page, show="failed", order="last")) == [111, 61, 8]
    assert numbers(text_of(viewer, page, order="number")) == list(range(1, 21))
    assert numbers(text_of(viewer, page, order="number", **{"from": "101"})) == [*range(101, 122)]
    content = text_of(viewer, page, show="running")
    assert numbers(content) == []
    assert "No stages here" in content
    for chip in ("All <b", "Failed <b", "Succeeded <b"):
        assert chip in content
    assert re.search(r'-failed-n">3</b>', content)
    TaskStage.objects.filter(task=task, order=42).update(duration=1e6)
    assert numbers(text_of(viewer, page, order="slowest"))[0] == 43


def test_what_is_tampered_with_is_answered_kindly(viewer: Client) -> None:
    task = many(30)
    for query in (
        {"after": "0~x"},
        {"show": "<b>"},
        {"order": "'"},
        {"from": "9" * 50},
        {"scale": "nan", "above": "-3"},
    ):
        for name in ("change", "branch"):
            content = text_of(viewer, url(name, task), **query)
            assert '<b>"' not in content
    assert "could not be understood" in text_of(viewer, url("branch", task), after="0~x")
    assert numbers(text_of(viewer, url("branch", task), **{"from": "2000000000"})) == []


def test_the_way_to_a_stage_by_its_number_or_uuid(viewer: Client) -> None:
    task = many()
    stage = TaskStage.objects.get(task=task, order=4)
    find = url("find", task)
    assert viewer.get(find, {"q": "100"}).headers["Location"] == f"{url('change', task)}?from=100"
    assert viewer.get(find, {"q": "1,00"}).headers["Location"] == f"{url('change', task)}?from=100"
    assert viewer.get(find, {"q": f" {stage.uuid} "}).headers["Location"] == url("stage", stage)
    assert viewer.get(find, {"q": task.uuid.hex}).headers["Location"] == url("change", task)
    for wrong in ("0", "121", "9" * 40, "-1", "", "x", str(uuid4()), "<script>alert(1)</script>"):
        answer = viewer.get(find, {"q": wrong}, follow=True)
        assert answer.redirect_chain == [(url("change", task), 302)]
        assert "Give a number from 1 to 120" in answer.content.decode()
        assert "<script>alert(1)" not in answer.content.decode()


def test_the_finally_is_named_before_it_is_there(viewer: Client) -> None:
    task = build("Later", EntityWrapper(Say), finally_=EntityWrapper(Tell))
    content = text_of(viewer, url("change", task))
    assert "runs however the task ends" in content
    run_pending()
    content = text_of(viewer, url("change", task))
    assert "runs however the task ends" not in content
    assert ">Tell</a>" in content


def test_the_log_says_who_did_what_when_and_why(viewer: Client) -> None:
    task = build("Paused", EntityWrapper(Say), created_by="admin")
    task.pause(reason="disk full", by="operator")
    task.resume(by="")
    log = text_of(viewer, url("change", task)).partition('id="top-log"')[2]
    told = re.findall(r"<b[^>]*>(.*?)</b> ([^<]*?)(?: <q[^>]*>(.*?)</q>)?</span>", log)
    assert told == [("Somebody", "resumed it", ""), ("operator", "paused it", "disk full"), ("admin", "built it", "")]


def test_the_number_of_queries_does_not_grow_with_the_rows(viewer: Client) -> None:
    def costs(task: Task) -> list[int]:
        nested = Task.objects.get(parent_stage__task=task)
        stage = TaskStage.objects.get(task=task, order=0)
        see = f"{nested.uuid.hex}~1.5~1.2.3!{task.uuid.hex}~9~1"
        return [
            queries(viewer, url("change", nested)), queries(viewer, url("open", stage)),
            queries(viewer, url("live", task), see=see), queries(viewer, url("branch", nested), show="failed"),
        ]  # fmt: skip

    small = build("Small", EntityWrapper(FanOut, {"good": 2, "bad": 1}))
    big = build("Big", EntityWrapper(FanOut, {"good": 60, "bad": 30}))
    run_pending()
    few, many = costs(small), costs(big)
    assert all(most <= least for most, least in zip(many, few, strict=True)), (few, many)
    assert max(many) <= 20


def test_a_fan_out_of_very_many_is_one_page_of_rows(viewer: Client) -> None:
    task = build("Huge", EntityWrapper(Say), parallel=True)
    add_stages(task, 20_000, state=State.SUCCESS, finished_at=timezone.now())
    content = text_of(viewer, url("change", task))
    assert len(numbers(content)) == 20
    assert "20,001" in content
    assert numbers(text_of(viewer, url("change", task), **{"from": "15000"}))[0] == 15_000


# Live.


def test_an_open_task_is_asked_for_what_changed_and_says_when_nothing_did(viewer: Client) -> None:
    task = build("Open", *[EntityWrapper(Say)] * 3)
    content = text_of(viewer, url("change", task))
    address = url("live", task)
    assert f'data-dtp-live="{address}"' in content
    see = {"see": f"{task.uuid.hex}~1.0~1.2.3"}
    first = viewer.get(address, see, **HTMX)
    assert first.headers["X-Task-Finished"] == ""
    body = first.content.decode()
    for part in ('id="top-say"', 'id="top-counts"', 'id="top-log"', 'id="r-', f'id="b-{task.uuid.hex}-all-n">3</b>'):
        assert part in body, part
    tag = first.headers["ETag"]
    again = viewer.get(address, see, headers={"HX-Request": "true", "If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    run_pending()
    ended = viewer.get(address, see, headers={"HX-Request": "true", "If-None-Match": tag})
    assert ended.status_code == 200
    assert ended.headers["X-Task-Finished"]
    assert "dtp-success" in ended.content.decode()
    assert "data-dtp-live" not in text_of(viewer, url("change", task))


def test_only_branches_of_the_tree_and_rows_that_are_there_are_told(viewer: Client) -> None:
    task, stranger = build("One", EntityWrapper(Say)), build("Two", EntityWrapper(Say))
    for see in (
        stranger.uuid.hex + "~1~1", "x", "~~", f"{task.uuid.hex}~1~{'9' * 60}", "!" * 5000,
        f"{task.uuid.hex}~1~-1.0.x",
    ):  # fmt: skip
        content = text_of(viewer, url("live", task), see=see)
        assert 'id="r-' not in content
        assert stranger.uuid.hex not in content
    assert "nan%" not in text_of(viewer, url("live", task), see=f"{task.uuid.hex}~nan~1")


@pytest.mark.parametrize("name", ["live", "timeline", "timeline_live", "branch"])
def test_what_is_kept_up_to_date_reads_no_large_column(viewer: Client, name: str) -> None:
    task = build("Large", EntityWrapper(Say), shared={"rows": "x" * 1000})
    with CaptureQueriesContext(connection) as captured:
        text_of(viewer, url(name, task))
    read = [query["sql"] for query in captured if re.search(r"task[`\"]\.[`\"](shared|response)[`\"]", query["sql"])]
    assert read == []


# Bad input.


def test_a_part_of_what_was_purged_is_a_kind_404(viewer: Client) -> None:
    task = build("Gone", EntityWrapper(Say))
    stage = TaskStage.objects.get(task=task)
    pages = [url("branch", task), url("live", task), url("open", stage), url("panel", stage), url("stage", stage)]
    Task.objects.filter(uuid=task.uuid).update(purging=True)
    for page in pages:
        answer = viewer.get(page, **HTMX)
        assert answer.status_code == 404
        assert "Perhaps it was purged" in answer.content.decode()
        assert viewer.get(page).status_code == 302


def test_a_tree_that_is_purged_while_its_page_is_made_is_said_to_be_gone(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def purged_after(uuid: UUID, *without: str) -> Task | None:
        found = find_task(uuid, *without)
        Task.objects.filter(depth=0).delete()
        return found

    for module in (tasks, views, verbs_views):
        monkeypatch.setattr(module, "find_task", purged_after)
    for name, headers, code in (("live", HTMX, 404), ("live", {}, 302), ("change", {}, 302), ("retry", {}, 302)):
        _, _, nested = imported()
        assert nested.parent_stage_id is not None
        answer = admin_client.get(url(name, nested), **headers)
        assert answer.status_code == code, name
        if code == 302:
            assert answer.headers["Location"] == url_of_list()


def test_who_may_not_view_sees_nothing_and_nothing_takes_a_post(client: Client) -> None:
    task = build("Secret", EntityWrapper(Say))
    stage = TaskStage.objects.get(task=task)
    pages = [
        *(url(name, task) for name in ("change", "branch", "live", "find")), url("task_download", task, "shared"),
        *(url(name, stage) for name in ("stage", "open", "panel")), url("stage_download", stage, "params"),
    ]  # fmt: skip
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert {client.get(page).status_code for page in pages} == {403}
    client.logout()
    assert {client.get(page).status_code for page in pages} == {302}


@pytest.mark.parametrize("state", State.values)
@pytest.mark.parametrize("parallel", [False, True])
def test_every_state_has_a_page_and_rows(viewer: Client, state: str, parallel: bool) -> None:
    task = build("Any", EntityWrapper(Say), parallel=parallel)
    Task.objects.filter(uuid=task.uuid).update(state=state)
    TaskStage.objects.filter(task=task).update(state=state, progress='[1,2,"rows"]', kind=Kind.STAGE)
    if state == State.PROMISED:
        assert viewer.get(url("change", task)).status_code == 302
        return
    assert numbers(text_of(viewer, url("change", task))) == [1]
    text_of(viewer, url("live", task), see=f"{task.uuid.hex}~1~1")
