"""The demo's pages as tests ask for them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from demo_project.imports import PARSE
from demo_project.rows import COLUMNS
from django_tasks_poc.lifecycle import host, process_started
from django_tasks_poc.models import ManagerProcess, Task, TaskStage

from ..support_storage import Store

ROWS, BAD = 200, 7
HEADER = ",".join(COLUMNS) + "\n"
START = reverse("start")


def page_of(task: Task | UUID, name: str = "import", *more: str) -> str:
    return reverse(name, args=[task.uuid if isinstance(task, Task) else task, *more])


def text_of(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def said_by(client: Client, task: Task) -> dict[str, Any]:
    response = client.get(page_of(task, "import-json"))
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert "no-store" in response["Cache-Control"]
    found: dict[str, Any] = response.json()
    return found


def act(client: Client, task: Task | UUID, verb: str) -> Any:
    return client.post(page_of(task, "act", verb))


def new_import(store: Store) -> Task:
    """Return an import to be moved by hand."""
    task = store.root(2)
    TaskStage.objects.filter(task=task, order=0).update(handler=PARSE)
    return task


def add_manager(**values: Any) -> ManagerProcess:
    now = timezone.now()
    return ManagerProcess.objects.create(**{
        "node": "default", "host": host(), "pid": 1, "process_started": process_started(1), "executor": "prefork",
        "queue_size": 8, "version": "1", "started_at": now, "beat_at": now, **values,
    })  # fmt: skip
