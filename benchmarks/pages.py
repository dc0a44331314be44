"""How long the admin's pages and their refreshes take over many tasks, one of which has half of all stages."""

from __future__ import annotations

import copy
import time
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_tasks_poc.identifiers import uuid7
from django_tasks_poc.models import Task, TaskStage
from django_tasks_poc.node import nodes
from django_tasks_poc.states import State

from . import history
from .managers import FULL, REPEAT, Failed
from .report import Figure

TASKS, STAGES = (2_000, 1_000_000) if FULL else (200, 100_000)
#: Milliseconds that every answer must stay below.
BOUND = 200.0
#: Every so many stages of the large task failed; rows in sight of a reader.
_FAILED, _IN_SIGHT = 997, 40
_PIECE = 5_000


def measure(node: str) -> list[Figure]:
    """Measure each address as a browser asks for it, after one time that warms up what is read once."""
    large = _make(node)
    client = Client(headers={"host": "localhost", "hx-request": "true"})
    client.force_login(User.objects.get_or_create(username="bench", is_staff=True, is_superuser=True)[0])
    return [_figure(client, node, what, address, query) for what, address, query in _addresses(large)]


def _figure(client: Client, node: str, what: str, address: str, query: dict[str, str]) -> Figure:
    samples = []
    for _ in range(REPEAT + 1):
        began = time.perf_counter()
        answer = client.get(address, query)
        samples.append((time.perf_counter() - began) * 1000)
        if answer.status_code not in (200, 302):
            raise Failed(f"{what} was answered with {answer.status_code}")
    return Figure("pages", f"{what}, {STAGES:,} stages", node, "ms", samples[1:]).must_be_below(BOUND)


def _addresses(task: Task) -> list[tuple[str, str, dict[str, str]]]:
    def of(name: str, key: UUID) -> str:
        return reverse(f"admin:django_tasks_poc_task_{name}", args=[key])

    middle = task.total_count // 2 + 1
    stage = task.stages.get(order=middle)
    failed = task.stages.filter(state=State.ERROR).first()
    sight = f"{task.uuid.hex}~1.0~{'.'.join(str(middle + row) for row in range(_IN_SIGHT))}"
    page, branch = of("change", task.uuid), of("branch", task.uuid)
    if failed is None:
        raise Failed("no stage has failed")
    return [
        ("the list", reverse("admin:django_tasks_poc_task_changelist"), {"node": task.node}),
        ("the page of the large task", page, {}),
        ("its failed", branch, {"show": "failed"}),
        ("its last failed", branch, {"show": "failed", "order": "last"}),
        ("its slowest", branch, {"order": "slowest"}),
        ("what is left of it", branch, {"show": "left"}),
        ("20 from the middle on", branch, {"from": str(middle)}),
        ("20 more behind the middle", branch, {"show": "succeeded", "after": f"0~{middle}", "rows": "1"}),
        ("a stage by its uuid", of("find", task.uuid), {"q": str(stage.uuid)}),
        ("the page of a stage", of("stage", stage.uuid), {}),
        ("the panel of a failed stage", of("panel", failed.uuid), {}),
        (f"a refresh of {_IN_SIGHT} rows", of("live", task.uuid), {"see": sight}),
    ]


def _make(node: str) -> Task:
    """Make the tasks: a large one that still runs, and many that have ended."""
    half = STAGES // 2
    large = history.fan_out(node, half - half // 10, half // 10)
    with transaction.atomic(using=nodes[node].database):
        # Each took a time of its own, as real stages do.
        large.stages.filter(state=State.SUCCESS).update(duration=F("order") * 0.0001 + 0.01)
        failed = large.stages.annotate(rest=F("order") % _FAILED).filter(state=State.SUCCESS, rest=0)
        count = failed.update(
            state=State.ERROR, message="ValueError: no number", error_class="builtins.ValueError", traceback=_TRACEBACK
        )
        Task.objects.using(nodes[node].database).filter(uuid=large.uuid).update(
            success_count=F("success_count") - count, error_count=count
        )
        _others(history.fan_out(node, half // (TASKS - 1)), TASKS - 2)
    history.tidy(node)
    return Task.objects.using(nodes[node].database).get(uuid=large.uuid)


_TRACEBACK = "Traceback (most recent call last):\n" + '  File "shop/jobs.py", line 7, in handle\n    go()\n' * 100


def _others(task: Task, number: int) -> None:
    """Copy a task and its stages so many times."""
    database, rows = task._state.db, list(task.stages.all())
    stages: list[TaskStage] = []

    def write() -> None:
        TaskStage.objects.using(database).bulk_create(stages)
        stages.clear()

    for _ in range(number):
        key = uuid7()
        Task.objects.using(database).bulk_create([_copy(task, uuid=key, root_id=key, created_at=timezone.now())])
        stages += [_copy(row, uuid=uuid7(), task_id=key) for row in rows]
        if len(stages) >= _PIECE:
            write()
    write()


def _copy(row: Any, **values: Any) -> Any:
    found = copy.copy(row)
    for name, value in values.items():
        setattr(found, name, value)
    return found
