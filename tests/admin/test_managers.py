"""Managers in the admin: which there are, and which of them live."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_tasks_poc import EntityWrapper
from django_tasks_poc.ends import Ends
from django_tasks_poc.lifecycle import host, process_started
from django_tasks_poc.models import ManagerProcess, Task

from ..handlers_admin import Say
from .trees import build, queries, text_of

pytestmark = pytest.mark.django_db(databases=["default", "even", "odd"])

MANAGERS = reverse("admin:django_tasks_poc_managerprocess_changelist")


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
    rows = re.findall(r'class="dtp-dot (\w+)"></span>(\w+)</span>.*?data-h="Node">(\w+)</td>', content, re.DOTALL)
    words = {"alive": "Alive", "late": "Late", "dead": "Dead", "stopped": "Stopped", "here": "Late", "gone": "Dead"}
    assert {node: word for _dot, word, node in rows if node in words} == words
    assert [dot for dot, _word, node in rows if node in ("dead", "stopped")] == ["dead", "stopped"]
    for part in (">elsewhere</b>", "3 / 8", "prefork", "1.2", "0 / 8"):
        assert part in content, part
    assert viewer.get(reverse("admin:django_tasks_poc_managerprocess_change", args=[uuid4()])).status_code == 302
    uuid = ManagerProcess.objects.values_list("uuid", flat=True)[0]
    assert "Save" not in text_of(viewer, reverse("admin:django_tasks_poc_managerprocess_change", args=[uuid]))


def node_row(content: str, label: str) -> str:
    found = re.search(rf'id="n-{label}".*?</tr>', content, re.DOTALL)
    assert found is not None
    return re.sub(r"<[^>]*>", " ", found[0])


def test_a_node_tells_its_backlog_and_who_works_on_it(viewer: Client) -> None:
    content = text_of(viewer, MANAGERS)
    assert "No manager has ever run" in content
    assert "no manager ever ran" in node_row(content, "default")
    task = build("Fan", *[EntityWrapper(Say)] * 3, parallel=True)
    Task.objects.filter(uuid=task.uuid).update(created_at=timezone.now() - dt.timedelta(minutes=14))
    content = text_of(viewer, MANAGERS)
    assert "3 stages wait, the oldest for 14\xa0min." in content
    assert "manage.py run_task_manager --node default" in content
    row = node_row(content, "default")
    assert "Nobody works" in row
    assert "14\xa0min" in row
    now = timezone.now()
    ManagerProcess.objects.create(
        node="default", host="elsewhere boot ns", pid=1, process_started="1", executor="prefork", queue_size=8,
        running=2, version="1.2", started_at=now, beat_at=now,
    )  # fmt: skip
    content = text_of(viewer, MANAGERS)
    assert "No manager is running" not in content
    row = node_row(content, "default")
    assert "1 manager " in row
    assert "2 / 8" in row


def test_an_open_page_asks_for_its_tables(viewer: Client) -> None:
    address = reverse("admin:django_tasks_poc_managerprocess_live")
    first = viewer.get(address)
    assert 'id="dtp-nodes"' in first.content.decode()
    assert viewer.get(address, headers={"If-None-Match": first["ETag"]}).status_code == 304
    viewer.force_login(User.objects.create_user("nobody", is_staff=True))
    assert [viewer.get(url).status_code for url in (address, MANAGERS)] == [403, 403]


def test_the_number_of_queries_does_not_grow_with_managers_and_tasks(viewer: Client) -> None:
    few = queries(viewer, MANAGERS)
    now = timezone.now()
    ManagerProcess.objects.bulk_create(
        ManagerProcess(
            node="default", host=f"host{number} boot ns", pid=number, process_started="1", executor="prefork",
            queue_size=8, version="1.2", started_at=now, beat_at=now,
        )
        for number in range(150)
    )  # fmt: skip
    for number in range(20):
        build(f"Task {number}", EntityWrapper(Say))
    assert queries(viewer, MANAGERS) == few <= 15
    assert text_of(viewer, MANAGERS).count("prefork") == 100


def test_a_node_tells_what_ended_in_five_minutes_and_what_of_it_failed(viewer: Client) -> None:
    now = timezone.now()
    ends = Ends()
    for number in range(600):
        ends.add(now.timestamp() - number % 200, is_failed=number % 100 == 0)
    ManagerProcess.objects.create(
        node="default", host="elsewhere boot ns", pid=1, process_started="1", executor="prefork", queue_size=8,
        version="1.2", started_at=now, beat_at=now, recent=ends.text(now.timestamp()),
    )  # fmt: skip
    row = node_row(text_of(viewer, MANAGERS), "default")
    for words in ("2 stages a second", "1%", "6 of 600"):
        assert words in row, words
    assert "none finished" in node_row(text_of(viewer, MANAGERS), "even")
