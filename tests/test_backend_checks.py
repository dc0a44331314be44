"""What ``manage.py check`` says of the backend's settings, and what a wrong one does when it is used all the same."""

from __future__ import annotations

from typing import Any

import pytest

from django_tasks_poc.backend import TaskManagerBackend
from django_tasks_poc.exceptions import NodeNotConfigured
from django_tasks_poc.tasks_api import task_backends

from . import backend_tasks as tasks

pytestmark = pytest.mark.anywhere


def complaints(**params: Any) -> list[tuple[str, str, str]]:
    backend = TaskManagerBackend("default", {"BACKEND": "", **params})
    return [(error.id or "", error.msg, error.hint or "") for error in backend.check()]


@pytest.mark.parametrize("params", [{}, {"QUEUES": []}, {"QUEUES": ["a", "b"], "OPTIONS": {"NODE": "even"}}])
def test_right_settings_are_not_complained_of(params: dict[str, Any]) -> None:
    assert complaints(**params) == []


@pytest.mark.parametrize(
    ("params", "id", "message", "hint"),
    [
        ({"OPTIONS": {"NODE": "evn"}}, "E012", "['NODE'] is 'evn', which is not in", "Did you mean 'even'?"),
        ({"OPTIONS": {"node": "even"}}, "E011", "the unknown key 'node'", "Did you mean 'NODE'?"),
        ({"OPTIONS": "even"}, "E011", "['OPTIONS'] is 'even'; it must be a dict", "Write OPTIONS as"),
        ({"QUEUES": ["q" * 65]}, "E013", "TASKS['default']['QUEUES'] holds 'qqq", "1 to 64 characters"),
        ({"QUEUES": [1]}, "E013", "holds 1", "1 to 64 characters"),
    ],
)
def test_a_wrong_setting_is_named(params: dict[str, Any], id: str, message: str, hint: str) -> None:
    ((found, said, hinted),) = complaints(**params)
    assert found == f"django_tasks_poc.{id}"
    assert message in said
    assert hint in hinted


def test_an_app_that_is_not_installed_is_named(settings: Any) -> None:
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "django_tasks_poc"]
    assert [id for id, _, _ in complaints()] == ["django_tasks_poc.E010"]


@pytest.mark.django_db
def test_an_unknown_node_is_told_where_it_is_used(settings: Any) -> None:
    settings.TASKS = {"default": {**settings.TASKS["default"], "OPTIONS": {"NODE": "nowhere"}}}
    assert [error.id for error in task_backends["default"].check()] == ["django_tasks_poc.E012"]
    with pytest.raises(NodeNotConfigured, match="Node 'nowhere' is not in"):
        tasks.add.enqueue(1)


def test_it_says_what_it_can() -> None:
    backend = tasks.add.get_backend()
    flags = ("supports_defer", "supports_async_task", "supports_get_result", "supports_priority")
    assert all(getattr(backend, flag) for flag in flags)
