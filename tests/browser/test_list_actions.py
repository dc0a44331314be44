"""The verbs for several tasks at once, and buttons that follow what somebody else does."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from django_tasks_poc import EntityWrapper, TaskBuilder
from django_tasks_poc.models import Task

from ..managers import Manager
from .handlers import Row
from .scenes import held_import
from .surfer import Surfer

pytestmark = pytest.mark.anywhere


def test_several_are_canceled_and_purged_in_the_list(critic: Surfer, db: None) -> None:
    """Only those of the node that the list shows: after each act it is the list of that node again."""
    for node in ("mail", "default"):
        builder = TaskBuilder(node=node)
        for number in range(3):
            builder.build(builder.create(f"Letter {number}", EntityWrapper(Row, {"number": number})))
    critic.log_in(superuser=True)
    page = critic.go(reverse("admin:django_tasks_poc_task_changelist") + "?node=mail")
    for action, button, said in (
        ("Cancel selected tasks…", "Cancel the tasks", "3 tasks are canceled."),
        ("Purge selected tasks…", "Purge the tasks", "3 tasks are purged."),
    ):
        page.get_by_label("Select all on this page").check()
        page.get_by_label("Action:").select_option(label=action)
        page.locator(".dtp-actions button").click()
        expect(page.get_by_text("Letter 1")).to_be_visible()
        assert critic.violations() == []
        page.get_by_role("button", name=button).click()
        expect(page.locator(".messagelist")).to_contain_text(said)
    assert not Task.objects.filter(node="mail").exists()
    assert Task.objects.open().filter(node="default").count() == 3


def test_the_buttons_follow_what_somebody_else_does(manager: Manager, surfer: Surfer, tmp_path: Path) -> None:
    """Given a page that is open, when the task is paused elsewhere, then it offers to resume it, without a reload."""
    scene = held_import(tmp_path, manager)
    surfer.log_in("view_task", "pause_task", "cancel_task")
    page = surfer.go(scene.url)
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    scene.task.pause(by="somebody else")
    page.get_by_role("button", name="Resume").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.get_by_role("link", name="Cancel…").click()
    expect(page.get_by_role("row", name="2 running stages are stopped")).to_be_visible()
    expect(page.get_by_role("row", name="10 finished stages stay as they are")).to_be_visible()
    page.get_by_role("button", name="Cancel the task").click()
    expect(page.locator(".messagelist")).to_contain_text("2 processes are being stopped.")
    manager.wait_until(scene.is_finished, "the import ends")
