"""What is asked before a verb acts, counted in a fixed number of queries; purges; and the actions of the list."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_tasks_poc import EntityWrapper, State
from django_tasks_poc.admin.verbs import bulk
from django_tasks_poc.admin.verbs import purge as purging
from django_tasks_poc.admin.verbs.failures import failures_of
from django_tasks_poc.models import Task, TaskEvent, TaskStage
from django_tasks_poc.node import nodes
from django_tasks_poc.processing import Processing
from django_tasks_poc.purging import PurgeCursor
from django_tasks_poc.testing import run_pending

from ..handlers_admin import Fail, FanOut, Say, Tell
from ..support_rows import add_stages
from .test_verbs import RIGHTS, VERBS, failed, fresh, said, user
from .trees import build, queries, text_of, url

pytestmark = pytest.mark.django_db(databases=["default", "even", "odd"])

LIST = reverse("admin:django_tasks_poc_task_changelist")


@pytest.fixture
def operator(client: Client) -> Client:
    return user(client, "view_task", *RIGHTS.values())


def table(content: str) -> list[str]:
    """Return the lines of the table: how many, and what becomes of them."""
    body = re.search(r'<table class="dtp-effects">(.*?)</table>', content, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", body[1], re.DOTALL) if body else []
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in rows]


def shape(task: Task, **states: int) -> None:
    """Have so many stages of the task in each state, the others READY."""
    orders = iter(TaskStage.objects.filter(task=task, kind="stage").order_by("order").values_list("order", flat=True))
    for state, count in states.items():
        chosen = [next(orders) for _ in range(count)]
        TaskStage.objects.filter(task=task, order__in=chosen).update(state=state.upper())
    ended = sum(states.get(state, 0) for state in ("success", "error", "canceled", "skipped"))
    counts = {f"{state}_count": count for state, count in states.items()}
    Task.objects.filter(uuid=task.uuid).update(open_count=task.total_count - ended, state=State.RUNNING, **counts)


def half_way() -> Task:
    task = build("Import", *[EntityWrapper(Say)] * 12, parallel=True, finally_=EntityWrapper(Tell))
    shape(task, success=3, error=1, running=2, waiting=1)
    return fresh(task)


def test_cancel_says_what_it_stops_and_what_it_keeps(operator: Client) -> None:
    content = text_of(operator, url("cancel", half_way()))
    assert "Cancel “Import”?" in content
    assert table(content) == [
        "2 running stages are stopped Each process gets SIGTERM and 5.0\xa0s to end, then SIGKILL. "
        "Atomic stages roll back.".replace("\xa0", " "),
        "1 waiting stage becomes Canceled : Say 7",
        "5 stages not begun become Canceled : Say 8, Say 9, Say 10 and others",
        "4 finished stages stay as they are : 3 succeeded, 1 failed What they wrote stays.",
        "1 finally stage still runs : Tell",
    ]
    assert "Keep it running" in content
    assert "Cancel the task" in content


def test_pause_and_resume_say_what_they_hold_back_and_let_go(operator: Client) -> None:
    task = half_way()
    assert table(text_of(operator, url("pause", task)))[0] == "2 running stages go on to their end"
    assert "5 stages not begun are held back" in table(text_of(operator, url("pause", task)))
    task.pause()
    assert "5 stages may begin, or begin again" in table(text_of(operator, url("resume", task)))


def test_retry_says_what_runs_again_and_it_does(operator: Client) -> None:
    """The numbers of the page are those of the retry: in the fan-out three fail, one of a nested task below as well."""
    task = build(
        "Import", EntityWrapper(FanOut, {"good": 2, "bad": 3, "deeper": 1}), EntityWrapper(Say),
        finally_=EntityWrapper(Tell),
    )  # fmt: skip
    run_pending()
    task = fresh(task)
    nested = Task.objects.get(depth=1)
    counted = failures_of(task)
    assert (counted.count, counted.waiting, counted.anew) == (3, 1, 1)
    assert counted.touched == {task.uuid, nested.uuid}
    assert table(text_of(operator, url("retry", task))) == [
        "3 failed or canceled stages run again", "1 stage waits again for its nested task",
        "1 stage that succeeded runs once more They come after one that waits again, and see what it found.",
        "5 stages that succeeded stay as they are", "1 finally stage runs once more : Tell",
    ]  # fmt: skip
    assert task.retry_failed().stages == counted.count + counted.waiting + counted.anew


def test_a_nested_task_is_asked_about_by_itself(operator: Client) -> None:
    build("Import", EntityWrapper(FanOut, {"good": 2, "bad": 3, "deeper": 1}), EntityWrapper(Say))
    run_pending()
    nested = Task.objects.get(depth=1)
    content = text_of(operator, url("retry", nested))
    assert table(content)[0] == "3 failed or canceled stages run again"
    assert "1 task above it is open again" in table(content)
    assert "Import</bdi></a>, stage 1" in content


def test_purge_says_how_much_goes(operator: Client) -> None:
    task = build("Import", EntityWrapper(FanOut, {"good": 2, "bad": 1}))
    run_pending()
    assert table(text_of(operator, url("purge", task))) == [
        "2 tasks are deleted", "4 stages are deleted : 3 succeeded, 1 failed",
    ]  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_where_nothing_can_be_done_nothing_is_asked(operator: Client, verb: str) -> None:
    task = build("Import", EntityWrapper(Say))
    if verb in ("pause", "cancel", "retry"):
        run_pending()
    content = text_of(operator, url(verb, task))
    assert 'name="reason"' not in content
    assert "Go back" in content
    assert re.search(r'dtp-callout quiet">\w[\w ,:]+', content)


def test_a_title_with_markup_is_text(operator: Client) -> None:
    task = build("<b>\x1b[31m</b>", EntityWrapper(Say))
    content = text_of(operator, url("cancel", task))
    assert "&lt;b&gt;␛[31m&lt;/b&gt;" in content
    assert "<b>\x1b" not in content
    assert "\x1b" not in said(operator, url("cancel", task))


def test_what_is_asked_costs_the_same_for_any_number(operator: Client) -> None:
    small, large = half_way(), half_way()
    add_stages(large, 5000, state=State.READY)
    for verb in ("cancel", "pause"):
        text_of(operator, url(verb, small))
        assert queries(operator, url(verb, small)) == queries(operator, url(verb, large))


# Purging


def test_what_protects_a_tree_is_named(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    task = failed()
    monkeypatch.setattr(
        "django_tasks_poc.storage.orm.purge.protected",
        lambda alias, keys: dict.fromkeys(keys, "shop.Invoice.task protects it"),
    )
    words = said(operator, url("purge", task))
    assert words == "Nothing was done. It is kept: shop.Invoice.task protects it."
    assert fresh(task).purging is False


def test_a_large_tree_is_hidden_and_left_to_a_manager(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "PIECE", 5)
    monkeypatch.setattr(purging, "_PATIENCE", 0.0)
    task, small = failed(), failed()
    words = said(operator, url("purge", task))
    assert "is large: it is hidden now, and a manager deletes it in pieces." in words
    assert "none is running on node default. Start one: manage.py run_task_manager" in words
    assert fresh(task).purging
    assert fresh(small).purging is False
    assert "It is not here any more" in said(operator, url("purge", task))
    processing, cursor = Processing(nodes["default"], uuid4()), PurgeCursor()
    while (cursor := processing.purge(cursor).next) is not None:
        pass
    assert list(Task.objects.all()) == [small]


# The list


def choose(client: Client, verb: str, *tasks: Task, **data: Any) -> str:
    """Choose tasks in the list, and return the page that asks."""
    keys = [str(task.uuid) for task in tasks]
    chosen = {"action": f"{verb}_tasks", "index": "0", "_selected_action": keys}
    response = client.post(f"{LIST}?node=default", {**chosen, **data})
    assert response.status_code == 200, list(get_messages(response.wsgi_request))
    return response.content.decode()


def confirm(client: Client, content: str, **data: str) -> list[str]:
    """Send the form of the page that asks; return what is said."""
    address = re.search(r'<form method="post" action="([^"]+)"', content)
    keys = re.search(r'name="tasks" value="([^"]+)"', content)
    assert address is not None
    assert keys is not None
    assert f'name="next" value="{LIST}?node=default"' in content
    client.cookies.pop("messages", None)
    response = client.post(address[1], {"tasks": keys[1], "next": LIST, **data})
    assert response["Location"] == LIST
    return [str(message) for message in get_messages(response.wsgi_request)]


@pytest.mark.parametrize("verb", VERBS)
def test_the_list_offers_the_verbs_that_one_has_the_right_to(client: Client, verb: str) -> None:
    task = build("Import", EntityWrapper(Say))
    option = f'value="{verb}_tasks"'
    assert option in text_of(user(client, "view_task", RIGHTS[verb]), LIST)
    others = set(RIGHTS.values()) - {RIGHTS[verb]}
    user(client, "view_task", *others, name="ben")
    assert option not in text_of(client, LIST)
    address = reverse(f"admin:django_tasks_poc_task_all_{verb}")
    assert client.post(address, {"tasks": task.uuid.hex}).status_code == 403
    assert fresh(task).state == State.READY


def test_many_are_canceled_and_the_others_named(operator: Client) -> None:
    tasks = [build(f"Task {number}", EntityWrapper(Say)) for number in range(25)]
    tasks[3].cancel()
    content = choose(operator, "cancel", *tasks)
    assert "Cancel 24 tasks?" in content
    assert table(content) == ["24 stages not begun become Canceled"]
    assert "and 4 more" in content
    assert "Task 3</bdi>: It has ended already." in content
    assert not TaskEvent.objects.filter(by="ann").exists()
    assert confirm(operator, content, reason="wrong file") == [
        "24 tasks are canceled.", "1 task was skipped. “Task 3”: It has ended already.",
    ]  # fmt: skip
    assert Task.objects.filter(state=State.CANCELED).count() == 25
    assert TaskEvent.objects.filter(by="ann", reason="wrong file").count() == 24
    assert LogEntry.objects.filter(change_message="Canceled: wrong file").count() == 24


def test_many_are_paused_resumed_retried_and_purged(operator: Client) -> None:
    tasks = [build(f"Task {number}", EntityWrapper(Fail)) for number in range(2)]
    for verb, words in (("pause", "2 tasks are paused."), ("resume", "2 tasks go on.")):
        assert confirm(operator, choose(operator, verb, *tasks)) == [words]
    run_pending()
    words = "What failed in 2 tasks is retried. 2 stages are open again."
    assert confirm(operator, choose(operator, "retry", *tasks)) == [words]
    run_pending()
    assert confirm(operator, choose(operator, "purge", *tasks)) == ["2 tasks are purged."]
    assert not Task.objects.exists()


def test_a_retry_names_the_open_task_that_has_the_key(operator: Client) -> None:
    one = build("One", EntityWrapper(Fail), unique=True, unique_key="k")
    run_pending()
    other = build("Other", EntityWrapper(Say), unique=True, unique_key="k")
    words = said(operator, url("retry", one))
    assert words.startswith(f"Nothing was done. Another task with the same unique key is open, {other.uuid}")


def test_bulk_counts_with_a_fixed_number_of_queries(operator: Client) -> None:
    costs = []
    for count in (3, 30):
        tasks = [half_way() for _ in range(count)]
        with CaptureQueriesContext(connection) as captured:
            choose(operator, "cancel", *tasks)
        costs.append(len(captured))
    assert costs[0] == costs[1]


def test_more_than_a_thousand_at_once_are_refused(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST", 3)
    tasks = [build("Import", EntityWrapper(Say)) for _ in range(4)]
    keys = " ".join(task.uuid.hex for task in tasks)
    words = said(operator, reverse("admin:django_tasks_poc_task_all_cancel"), tasks=keys)
    assert words == "At most 3 tasks at once: choose fewer, or filter the list."
    assert {fresh(task).state for task in tasks} == {State.READY}


@pytest.mark.parametrize("keys", ["", "x y", "00000000000000000000000000000000", "' OR 1=1"])
def test_keys_that_are_none_do_nothing(operator: Client, keys: str) -> None:
    address = reverse("admin:django_tasks_poc_task_all_cancel")
    assert said(operator, address, tasks=keys)
    assert operator.get(address).status_code == 302
    assert said(operator, LIST, action="cancel_tasks", index="0", _selected_action=keys)


def test_what_was_purged_meanwhile_is_told(operator: Client) -> None:
    tasks = [failed(), build("Import", EntityWrapper(Say))]
    content = choose(operator, "cancel", *tasks)
    said(operator, url("purge", tasks[0]))
    assert confirm(operator, content) == [
        "“Import” is canceled.", "1 task is not here any more: perhaps it was purged.",
    ]  # fmt: skip
