"""Limits that are allowed and unwise, and processes that a platform does not bear."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from django.core.management import call_command

from .found import found

pytestmark = pytest.mark.anywhere


def test_the_demo_has_nothing_to_be_warned_of() -> None:
    assert found() == {}
    call_command("check", fail_level="WARNING")


def test_a_short_lease_is_warned_of(settings: Any) -> None:
    settings.DJANGO_TASKS_POC = {"LEASE": 3}
    (warning,) = found().values()
    assert (warning.id, warning.hint) == ("django_tasks_poc.W004", "Set it to 6 or more; the default is 30.")
    assert warning.msg.startswith("DJANGO_TASKS_POC['LEASE'] is 3 s: a manager that lives, but is 2 s late, loses")
    settings.DJANGO_TASKS_POC = {"LEASE": 6}
    assert found() == {}


def test_forks_are_warned_of_where_they_are_not_safe(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    settings.DJANGO_TASKS_POC = {"NODES": {"default": {}, "mail": {"EXECUTOR": "prefork"}}}
    (warning,) = found().values()
    assert warning.id == "django_tasks_poc.W005"
    assert warning.msg == "Node 'mail' forks its stages, which is not safe on this platform (darwin)."
    assert warning.hint == ("Leave DJANGO_TASKS_POC['NODES']['mail']['EXECUTOR'] out, or set it to 'subprocess'.")


def test_a_wrong_setting_silences_all_but_the_error_that_names_it(settings: Any) -> None:
    settings.DJANGO_TASKS_POC = {"LEASE": 0}
    assert set(found(deploy=True, databases=["default"])) == {"E001"}


@pytest.mark.parametrize("path", ["nowhere.at_all", "tests.checks.test_settings.nothing", "sys.platform"])
def test_a_permission_that_cannot_be_asked_is_an_error(settings: Any, path: str) -> None:
    settings.DJANGO_TASKS_POC = {"PROGRESS_PERMISSION": path}
    (error,) = found().values()
    assert error.id == "django_tasks_poc.E006"
    assert error.msg.startswith("DJANGO_TASKS_POC['PROGRESS_PERMISSION'] cannot be asked: ")
