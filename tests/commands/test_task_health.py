"""task_health: when a node is unhealthy, why, and what a probe gets."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.core.management import CommandError
from django.db import connection
from django.utils import timezone

from django_tasks_poc import EntityWrapper, State
from django_tasks_poc.health import health_of
from django_tasks_poc.lifecycle import host, process_started
from django_tasks_poc.models import ManagerProcess, Task
from django_tasks_poc.storage.orm import clock
from django_tasks_poc.testing import run_pending

from ..building import build
from ..handlers_admin import FanOut, Pause, Say
from ..support import run_manage
from ..support_rows import add_stages

pytestmark = pytest.mark.django_db(databases=["default", "even", "odd"])

Say_ = Callable[..., str]


def enlist(*, is_alive: bool = True) -> None:
    """Add a manager on this host: this very process, or one that is gone."""
    now = timezone.now()
    pid = os.getpid()
    ManagerProcess.objects.create(
        node="default", host=host(), pid=pid, process_started=process_started(pid) if is_alive else "before",
        executor="prefork", queue_size=4, version="1", started_at=now, beat_at=now,
    )  # fmt: skip


def ago(seconds: float) -> datetime:
    return clock.now("default") - timedelta(seconds=seconds)


def test_nothing_to_do_is_healthy_without_a_manager(say: Say_) -> None:
    assert say("task_health").splitlines() == [
        f"{node}: healthy: no manager, 0 at work, 0 stages wait" for node in ("default", "even", "odd")
    ]


@pytest.mark.parametrize("is_alive", [None, False])
def test_work_without_a_living_manager_is_unhealthy(say: Say_, is_alive: bool | None) -> None:
    build("Import", EntityWrapper(Say), EntityWrapper(Say))
    if is_alive is not None:
        enlist(is_alive=is_alive)
    assert say("task_health", "--node", "default").splitlines() == [
        "default: unhealthy: no manager lives, and 1 stage waits. Start one: manage.py run_task_manager --node default",
        "exit 1",
    ]


def test_work_that_was_left_is_unhealthy() -> None:
    task = build("Import", EntityWrapper(Say))
    Task.objects.filter(uuid=task.uuid).update(running_count=1, claimable=False, state=State.RUNNING)
    assert health_of("default").reasons[0].startswith("no manager lives, and 1 of its stages were at work")
    enlist()
    assert health_of("default").is_healthy


def test_what_is_for_later_or_paused_does_not_wait() -> None:
    build("Later", EntityWrapper(Say), delay=3600.0)
    build("Pauses", EntityWrapper(Pause))
    run_task_that_pauses = run_pending  # which also runs what is for later
    run_task_that_pauses()
    build("Later again", EntityWrapper(Say), delay=3600.0)
    found = health_of("default")
    assert (found.backlog, found.oldest, found.is_healthy) == (0, None, True)


def test_a_backlog_is_counted_in_stages_that_could_run_now(say: Say_) -> None:
    enlist()
    for _ in range(2):
        build("One by one", EntityWrapper(Say), EntityWrapper(Say), unique=False)
    task = build("Side by side", EntityWrapper(Say), parallel=True)
    add_stages(task, 9)
    assert health_of("default").backlog == 12
    assert say("task_health", "--max-backlog", "12", "--node", "default").startswith("default: healthy: 1 manager,")
    assert say("task_health", "--max-backlog", "11", "--node", "default").splitlines() == [
        "default: unhealthy: 12 stages wait, more than 11",
        "exit 1",
    ]


def test_the_oldest_is_the_one_that_has_waited_longest(say: Say_) -> None:
    enlist()
    task = build("Import", EntityWrapper(Say), EntityWrapper(Say))
    assert say("task_health", "--max-age", "1m", "--node", "default").startswith("default: healthy")
    Task.objects.filter(uuid=task.uuid).update(created_at=ago(120))
    assert say("task_health", "--max-age", "1m", "--node", "default").splitlines() == [
        "default: unhealthy: the oldest stage has waited for 2 min, longer than 1 min",
        "exit 1",
    ]


def test_a_stage_waits_since_the_one_before_it_ended() -> None:
    enlist()
    task = build("Import", EntityWrapper(Say), EntityWrapper(Say))
    Task.objects.filter(uuid=task.uuid).update(
        created_at=ago(9000), started_at=ago(8000), turn=ago(8000), position=1, state=State.RUNNING
    )
    task.stages.filter(order=0).update(state=State.SUCCESS, finished_at=ago(50))
    oldest = health_of("default").oldest
    assert oldest is not None
    assert 50 <= oldest < 500


def test_stages_side_by_side_wait_since_the_last_turn() -> None:
    enlist()
    task = build("Rows", EntityWrapper(FanOut, {"good": 1}), parallel=True)
    Task.objects.filter(uuid=task.uuid).update(created_at=ago(9000), started_at=ago(8000), turn=ago(5))
    oldest = health_of("default").oldest
    assert oldest is not None
    assert 5 <= oldest < 500


def test_a_probe_gets_json_and_an_exit_code(say: Say_) -> None:
    build("Import", EntityWrapper(Say))
    text, _, code = say("task_health", "--node", "default", "--format", "json").rpartition("exit ")
    (found,) = json.loads(text)
    assert (found["node"], found["healthy"], found["backlog"], code.strip()) == ("default", False, 1, "1")
    assert "no manager lives" in found["reasons"][0]


def test_a_database_that_fails_is_a_reason(monkeypatch: pytest.MonkeyPatch, say: Say_) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            pytest.skip("its transactions hold no changes of tables")
        cursor.execute("ALTER TABLE django_tasks_poc_managerprocess RENAME TO gone")
    text = say("task_health", "--node", "default")
    assert text.startswith("default: unhealthy: Database 'default' lacks tables of django_tasks_poc")
    assert text.endswith("exit 1\n")


@pytest.mark.parametrize("arguments", [["task_list"], ["task_tree", "01900000-0000-7000-8000-000000000000"]])
def test_others_say_what_to_do_about_a_database_without_tables(say: Say_, arguments: list[str]) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            pytest.skip("its transactions hold no changes of tables")
        cursor.execute("ALTER TABLE django_tasks_poc_task RENAME COLUMN purging TO gone")
    with pytest.raises(CommandError, match=r"lacks tables of django_tasks_poc.* Run manage\.py migrate"):
        say(*arguments)


def test_what_makes_no_sense_is_refused(say: Say_) -> None:
    with pytest.raises(CommandError, match="nowhere") as refused:
        say("task_health", "--node", "nowhere")
    assert refused.value.returncode == 2
    assert run_manage("task_health", "--max-backlog", "-1").returncode == 2
