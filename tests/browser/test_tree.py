"""The page of a task: its tree grows, failures are read in place, by mouse and by keyboard, in every look."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from django_tasks_poc.models import Task

from ..managers import Manager
from .scenes import Scene, finished_import, held_import, new_import
from .surfer import Complaints, Surfer

pytestmark = pytest.mark.anywhere


@pytest.fixture(scope="module")
def held(manager: Manager, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    scene = held_import(tmp_path_factory.mktemp("held"), manager)
    yield scene
    scene.gate.touch()
    manager.wait_until(scene.is_finished, "the import ends")


@pytest.fixture(scope="module")
def finished(manager: Manager, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return finished_import(tmp_path_factory.mktemp("finished"), manager)


def item(page: Page, words: str) -> Locator:
    """Return the one stage whose row has the words."""
    return page.get_by_role("treeitem", name=re.compile(words))


def opened(page: Page, words: str) -> Locator:
    """Open a stage by a click on its twisty."""
    found = item(page, words).first
    found.locator(".tw").first.click()
    expect(found).to_have_attribute("aria-expanded", "true")
    return found


def test_the_tree_of_a_running_import_grows_without_a_reload(manager: Manager, surfer: Surfer, tmp_path: Path) -> None:
    """Given its page, when the import begins, fans out, fails in part and ends, then the page follows."""
    scene = new_import(tmp_path)
    surfer.log_in(superuser=True)
    page = surfer.go(scene.url)
    page.evaluate("window.sameDocument = true")
    scene.start.touch()
    expect(item(page, "Batches")).to_contain_text("Rows")
    batches = opened(page, "Batches")
    expect(batches.get_by_role("treeitem")).to_have_count(11)
    manager.wait_until(scene.is_held, "the rows wait at the gate")
    expect(page.locator("#top-counts")).to_contain_text("3 failed")
    scene.gate.touch()
    expect(page.get_by_text("Finished at")).to_be_visible()
    expect(page.locator("#top-badge")).to_have_text("Succeeded")
    expect(batches.get_by_role("treeitem")).to_have_count(11)  # open branches stay open
    assert page.evaluate("window.sameDocument") is True


def test_the_failed_batch_is_opened_and_its_reason_read(surfer: Surfer, held: Scene) -> None:
    surfer.log_in(superuser=True)
    page = surfer.go(held.url)
    batches = opened(page, "Batches")
    row = batches.get_by_role("treeitem").first
    expect(row).to_contain_text("ValueError: row 38,112: “31/11/2026” is not a date")
    row.locator(".tw").first.click()
    panel = row.locator(".dtp-panel")
    expect(panel.get_by_role("heading", name="Traceback of attempt 1")).to_be_visible()
    expect(panel).to_contain_text("raise ValueError")
    panel.get_by_role("link", name="Open the stage").click()
    expect(page.get_by_role("heading", name="Trip")).to_be_visible()
    expect(page.locator(".dtp-panel")).to_contain_text("is not a date")


def test_the_whole_way_to_the_reason_is_walked_with_the_keyboard(surfer: Surfer, held: Scene) -> None:
    surfer.log_in(superuser=True)
    page = surfer.go(held.url)
    focused = page.locator(":focus")
    for _ in range(60):
        page.keyboard.press("Tab")
        if focused.get_attribute("role") == "treeitem":
            break
    expect(focused).to_contain_text("Gate")
    page.keyboard.press("ArrowDown")
    expect(focused).to_contain_text("Batches")
    page.keyboard.press("ArrowRight")
    expect(item(page, "Trip").first).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(focused).to_contain_text("38,112")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Traceback of attempt 1")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(focused).to_contain_text("Batches")
    page.keyboard.press("End")
    expect(focused).to_contain_text("Report")


def test_secrets_are_masked(surfer: Surfer, held: Scene) -> None:
    surfer.log_in("view_task")
    page = surfer.go(held.url)
    expect(page.get_by_text("uploads/customers-2026-11.csv")).to_be_visible()
    assert "hunter2" not in page.content()


def test_a_task_that_is_purged_while_its_page_is_open_is_said(
    surfer: Surfer, tmp_path: Path, complaints: Complaints
) -> None:
    complaints.expected.append("404")
    scene = new_import(tmp_path)
    scene.task.pause()
    surfer.log_in(superuser=True)
    page = surfer.go(scene.url)
    Task.objects.filter(root=scene.task.uuid).update(purging=True)
    expect(page.get_by_text("perhaps it was purged")).to_be_visible()


def test_a_session_that_ends_while_it_is_live_is_said(surfer: Surfer, held: Scene) -> None:
    surfer.log_in(superuser=True)
    page = surfer.go(held.url)
    surfer.context.clear_cookies()
    expect(page.get_by_text("Your session has ended")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("is_phone", [False, True], ids=["desktop", "phone"])
def test_its_pages_are_accessible_and_fit(
    critic: Surfer, held: Scene, finished: Scene, theme: str, is_phone: bool
) -> None:
    critic.log_in(superuser=True)
    getattr(critic, theme)()
    if is_phone:
        critic.on_a_phone()
    for scene in (held, finished):
        page = critic.go(scene.url)
        batches = opened(page, "Batches")
        expect(batches.get_by_role("treeitem")).to_have_count(11)
        batches.get_by_role("treeitem").first.locator(".tw").first.click()
        expect(page.get_by_role("heading", name="Traceback of attempt 1")).to_be_visible()
        assert (critic.violations(), critic.scrolls_sideways) == ([], False)
        critic.go(scene.timeline_url)
        assert (critic.violations(), critic.scrolls_sideways) == ([], False)
    page = critic.go(reverse("admin:django_tasks_poc_task_stage", args=[finished.failed.uuid]))
    expect(page.get_by_role("heading", name="Traceback of attempt 1")).to_be_visible()
    assert (critic.violations(), critic.scrolls_sideways) == ([], False)
