"""The buttons of the page of a task: pressed by who has the right, absent for who has not, with mouse and keyboard."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from django_tasks_poc.models import Task, TaskEvent

from ..managers import Manager
from .scenes import BAD, finished_import, held_import, new_import
from .surfer import Surfer

pytestmark = pytest.mark.anywhere

ALL = ("pause_task", "cancel_task", "retry_task", "purge_task")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def badge(page: Page, word: str) -> None:
    """Wait until the page shows the state."""
    expect(page.locator("#top-badge")).to_have_text(word)


def test_a_running_import_is_paused_resumed_and_canceled_with_a_reason(
    manager: Manager, surfer: Surfer, tmp_path: Path
) -> None:
    scene = held_import(tmp_path, manager)
    surfer.log_in("view_task", *ALL, name="operator")
    page = surfer.go(scene.url)
    press(page, "Pause")
    badge(page, "Paused")
    expect(page.locator("#top-say")).to_contain_text("operator")
    press(page, "Resume")
    badge(page, "Running")
    page.get_by_role("link", name="Cancel…").click()
    expect(page.get_by_role("heading", name="Cancel “Import customers-2026-11.csv”?")).to_be_visible()
    page.get_by_role("link", name="Keep it running").click()
    badge(page, "Running")
    page.get_by_role("link", name="Cancel…").click()
    page.get_by_label("Reason").fill("the wrong file")
    press(page, "Cancel the task")
    badge(page, "Canceled")
    expect(page.locator("#top-log")).to_contain_text("the wrong file")
    manager.wait_until(scene.is_finished, "the import ends")
    events = TaskEvent.objects.filter(task=scene.task).order_by("at").values_list("verb", "by")
    assert list(events) == [("pause", "operator"), ("resume", "operator"), ("cancel", "operator")]


def test_what_failed_is_retried_and_the_page_follows(manager: Manager, surfer: Surfer, tmp_path: Path) -> None:
    scene = finished_import(tmp_path, manager)
    scene.mended.touch()
    surfer.log_in("view_task", "retry_task")
    page = surfer.go(scene.url)
    page.get_by_role("link", name=f"Retry failed ({BAD})").click()
    press(page, "Retry what failed")
    expect(page.locator("#top-say")).to_contain_text("11 loaded, 0 failed")
    badge(page, "Succeeded")
    assert scene.rows.error_count == 0


def test_a_task_that_ended_is_purged(manager: Manager, surfer: Surfer, tmp_path: Path) -> None:
    scene = finished_import(tmp_path, manager)
    surfer.log_in("view_task", "purge_task")
    page = surfer.go(scene.url)
    page.get_by_role("link", name="Purge…").click()
    press(page, "Purge the task")
    expect(page).to_have_url(surfer.address + reverse("admin:django_tasks_poc_task_changelist"))
    assert not Task.objects.visible().filter(uuid=scene.task.uuid).exists()


@pytest.mark.parametrize("right", ALL)
def test_who_has_one_right_has_its_buttons_and_no_other(surfer: Surfer, tmp_path: Path, right: str) -> None:
    scene = new_import(tmp_path)
    surfer.log_in("view_task", right)
    page = surfer.go(scene.url)
    expect(page.locator("#top-badge")).to_be_visible()
    shown = page.locator("#top-verbs").locator("a, button")
    expected = {"pause_task": ["Pause"], "cancel_task": ["Cancel…"]}.get(right, [])
    assert [words.strip() for words in shown.all_inner_texts()] == expected
    scene.task.cancel()


def test_who_may_only_look_sees_no_button_and_cannot_get_around_it(surfer: Surfer, tmp_path: Path) -> None:
    scene = new_import(tmp_path)
    surfer.log_in("view_task")
    page = surfer.go(scene.url)
    expect(page.locator("#top-badge")).to_be_visible()
    assert page.locator("#top-verbs").locator("a, button").count() == 0
    for verb in ("pause", "resume", "cancel", "retry", "purge"):
        address = surfer.address + reverse(f"admin:django_tasks_poc_task_{verb}", args=[scene.task.uuid])
        assert surfer.context.request.get(address).status == 403
        assert surfer.context.request.post(address).status == 403
    scene.task.cancel()


def test_it_is_canceled_with_the_keyboard_alone(surfer: Surfer, tmp_path: Path) -> None:
    scene = new_import(tmp_path)
    surfer.log_in("view_task", "cancel_task")
    page = surfer.go(scene.url)
    tab_to(page, "Cancel…")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Reason")).to_be_visible()
    tab_to(page, "Cancel the task")
    page.keyboard.press("Enter")
    badge(page, "Canceled")


def tab_to(page: Page, words: str) -> None:
    """Press Tab until what has the focus says the words."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.locator(":focus").inner_text().strip() == words:
            return
    raise AssertionError(f"No way by Tab to {words!r}.")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("is_phone", [False, True], ids=["desktop", "phone"])
def test_the_buttons_and_the_pages_that_ask_are_accessible_and_fit(
    critic: Surfer, tmp_path: Path, theme: str, is_phone: bool
) -> None:
    scene = new_import(tmp_path)
    critic.log_in(superuser=True)
    getattr(critic, theme)()
    if is_phone:
        critic.on_a_phone()
    critic.go(scene.url)
    assert (critic.violations(), critic.scrolls_sideways) == ([], False)
    for verb in ("cancel", "pause"):
        critic.go(reverse(f"admin:django_tasks_poc_task_{verb}", args=[scene.task.uuid]))
        assert (critic.violations(), critic.scrolls_sideways) == ([], False)
    scene.task.cancel()
    for verb in ("retry", "purge"):
        critic.go(reverse(f"admin:django_tasks_poc_task_{verb}", args=[scene.task.uuid]))
        assert (critic.violations(), critic.scrolls_sideways) == ([], False)
