"""The backend in other surroundings: nodes, aliases, settings and rows that changed, other versions of Django."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
import subprocess
import sys
from typing import Any

import django
import pytest
from django.conf import settings as project_settings
from django.utils import timezone

from django_tasks_poc import RetryPolicy
from django_tasks_poc.models import Task, TaskStage
from django_tasks_poc.tasks_api import TaskResultDoesNotExist, TaskResultStatus, task_backends
from django_tasks_poc.testing import run_pending

from . import backend_tasks as tasks

pytestmark = [pytest.mark.django_db(databases=["default", "even"]), pytest.mark.anywhere]

SUCCESSFUL, FAILED = TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED


@pytest.fixture
def aliases(settings: Any) -> None:
    """Three backends: two on the default node, and one on a node of another database."""
    default = settings.TASKS["default"]
    settings.TASKS = {"default": default, "twin": default, "even": {**default, "OPTIONS": {"NODE": "even"}}}


def test_a_backend_enqueues_on_its_node(aliases: None) -> None:
    result = tasks.describe.using(backend="even").enqueue("w")

    assert Task.objects.using("even").get(uuid=result.id).node == "even"
    assert (run_pending(), run_pending("even")) == (0, 1)
    result.refresh()
    assert result.return_value["id"] == result.id
    assert (result.backend, result.task.backend) == ("even", "even")


def test_a_backend_knows_its_own_results_only(aliases: None) -> None:
    result = tasks.add.using(backend="twin").enqueue(1)
    for alias in ("default", "even"):
        with pytest.raises(TaskResultDoesNotExist):
            task_backends[alias].get_result(result.id)
    assert task_backends["twin"].get_result(result.id).id == result.id


def test_a_queue_that_was_taken_out_of_the_settings_loses_nothing(settings: Any) -> None:
    result = tasks.add.using(queue_name="mail").enqueue(1)
    settings.TASKS = {"default": {**settings.TASKS["default"], "QUEUES": ["default"]}}
    run_pending()
    found = tasks.add.get_result(result.id)
    assert (found.status, found.return_value, found.task.queue_name) == (SUCCESSFUL, 2, "mail")


@pytest.mark.parametrize("aware", [True, False])
def test_without_time_zones_any_moment_is_taken(settings: Any, aware: bool) -> None:
    settings.USE_TZ = False
    moment = timezone.now() + dt.timedelta(hours=1)
    result = tasks.add.using(run_after=timezone.make_aware(moment) if aware else moment).enqueue(1)
    assert Task.objects.get(uuid=result.id).due == moment


@pytest.mark.parametrize("path", ["os.getcwd", "tests.backend_tasks.plain", "tests.backend_tasks.Refused"])
def test_nothing_but_a_task_is_called(path: str) -> None:
    result = tasks.title_of_mine.enqueue()
    (stage,) = TaskStage.objects.all()
    TaskStage.objects.update(params=stage.params.replace("tests.backend_tasks.title_of_mine", path))
    run_pending()
    stage.refresh_from_db()
    assert Task.objects.get(uuid=result.id).state == "ERROR"
    assert f"{path} is not a task" in stage.message


def test_a_function_reads_the_database() -> None:
    result = tasks.title_of_mine.enqueue()
    run_pending()
    result.refresh()
    assert result.return_value == "title_of_mine"


def test_limits_are_given_to_the_decorator_where_it_takes_them() -> None:
    def decorate() -> Any:
        return tasks.task(timeout=5, retry=RetryPolicy(max_attempts=2))(tasks.plain)

    if (6, 0) <= django.VERSION < (6, 1):
        with pytest.raises(TypeError):
            decorate()
    else:
        made = decorate()
        assert (made.timeout, made.retry.max_attempts) == (5, 2)


def test_a_task_and_its_result_can_be_copied() -> None:
    result = tasks.patient.enqueue(1)
    assert copy.deepcopy(result) == result
    assert copy.copy(tasks.patient) == tasks.patient
    if django.VERSION >= (6, 1):
        assert pickle.loads(pickle.dumps(tasks.add)) == tasks.add  # noqa: S301  # made here


@pytest.mark.skipif(django.VERSION >= (6, 0), reason="this Django has django.tasks")
def test_a_django_without_tasks_is_told_of_the_backport() -> None:
    code = "import sys; sys.modules['django_tasks'] = None; import django_tasks_poc.backend"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project_settings.BASE_DIR, capture_output=True, text=True, check=False
    )
    assert "pip install 'django-tasks-poc[django-tasks]'" in done.stderr
