"""Managers in the admin: which there are, and which of them live."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_tasks_poc.lifecycle import host, process_started
from django_tasks_poc.models import ManagerProcess

from .trees import text_of

pytestmark = pytest.mark.django_db(databases=["default", "even", "odd"])

LIST = reverse("admin:django_tasks_poc_task_changelist")
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
