"""Functions run by real managers: killed, too slow, canceled, a hundred at once; and what they are told of."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections

from django_tasks_poc.exceptions import ProcessDied, TaskCanceled
from django_tasks_poc.models import Task
from django_tasks_poc.tasks_api import TaskResultStatus, task_finished

from . import backend_tasks as tasks
from .managers import manager
from .support import run_manager

pytestmark = pytest.mark.django_db

RUNNING, SUCCESSFUL, FAILED = TaskResultStatus.RUNNING, TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED


@pytest.fixture(scope="module")
def ended(shared_database: None) -> Iterator[dict[str, Any]]:
    """Results of calls that one manager ran, and of one that was canceled while it ran."""
    task_finished.connect(listen)
    results = {
        "returned": tasks.add.enqueue(1),
        "async": tasks.add_async.enqueue(1, 1),
        "raised": tasks.fail.enqueue(),
        "left": tasks.leave.enqueue(),
        "killed": tasks.die.enqueue(),
        "slow": tasks.sleep.using(timeout=1).enqueue(60),
        "canceled": tasks.sleep.using(priority=100).enqueue(60),
        "parent": tasks.enqueue_more.enqueue(2),
    }
    canceled = results["canceled"]

    def is_running() -> bool:
        canceled.refresh()
        return bool(canceled.status == RUNNING)

    with manager("--drain", "--queue-size", "8") as running:
        running.wait_until(is_running, "the task that is to be canceled runs")
        assert len(canceled.worker_ids) == 1
        Task.objects.get(uuid=canceled.id).cancel()
        running.ended()
    for result in results.values():
        result.refresh()
    yield results
    task_finished.disconnect(listen)


def listen(**_: Any) -> None:
    """Have the end announced."""


def test_what_returns_is_successful(ended: dict[str, Any]) -> None:
    values = [ended[name].return_value for name in ("returned", "async")]
    assert values == [2, 2]
    (worker,) = ended["returned"].worker_ids
    assert ended["async"].worker_ids == [worker]


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("raised", tasks.Refused, "really"),
        ("left", ProcessDied, "exit code 3"),
        ("killed", ProcessDied, "SIGKILL"),
        ("slow", TimeoutError, "longer than 1 s"),
        ("canceled", TaskCanceled, "Canceled"),
    ],
)
def test_what_does_not_return_has_failed(ended: dict[str, Any], name: str, error: type, words: str) -> None:
    result = ended[name]
    assert (result.status, result.attempts) == (FAILED, 1)
    (told,) = result.errors
    assert told.exception_class is error
    assert words in told.traceback
    assert result.worker_ids == ended["returned"].worker_ids
    assert result.started_at <= result.finished_at


def test_what_a_function_enqueued_ran(ended: dict[str, Any]) -> None:
    ids = ended["parent"].return_value
    assert [tasks.add.get_result(id).return_value for id in ids] == [1, 2]


def test_the_end_of_each_is_announced_in_a_process_of_its_own(ended: dict[str, Any]) -> None:
    rows = Task.objects.filter(uuid__in=[result.id for result in ended.values()])
    for row in rows:
        assert row.stages.get(kind="finally").state == "SUCCESS"


@pytest.mark.django_db(transaction=True)
def test_a_hundred_equal_calls_at_once_run_a_hundred_times() -> None:
    """Threads where connections are independent; on SQLite, whose writers take turns anyway, one after another."""

    def enqueue(_: int) -> str:
        try:
            return str(tasks.add.enqueue(41).id)
        finally:
            if connection.vendor != "sqlite":
                connections.close_all()

    if connection.vendor == "sqlite":
        ids = [enqueue(number) for number in range(100)]
    else:
        with ThreadPoolExecutor(10) as threads:
            ids = list(threads.map(enqueue, range(100)))
    assert run_manager().returncode == 0
    results = [tasks.add.get_result(id) for id in ids]
    assert len(set(ids)) == 100
    assert {(result.status, result.return_value, result.attempts) for result in results} == {(SUCCESSFUL, 42, 1)}


BEFORE_THE_APPS_ARE_READY = """
import django.conf
django.conf.settings.configure(
    INSTALLED_APPS=["django_tasks_poc"],
    TASKS={"default": {"BACKEND": "django_tasks_poc.backend.TaskManagerBackend"}},
)
from django.apps import apps
from django_tasks_poc import RetryPolicy
try:
    from django.tasks import task
except ImportError:
    from django_tasks import task

@task
def succeed(): ...

assert succeed.using(retry=RetryPolicy(max_attempts=3)).retry.max_attempts == 3
assert not apps.models_ready
"""


@pytest.mark.anywhere
def test_a_function_may_be_decorated_before_the_apps_are_ready() -> None:
    environment = {**os.environ, "PYTHONPATH": str(settings.BASE_DIR)}
    subprocess.run([sys.executable, "-c", BEFORE_THE_APPS_ARE_READY], check=True, env=environment)
