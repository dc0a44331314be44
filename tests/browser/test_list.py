"""The list of tasks and that of managers: live, narrowed by clicks, with what is missing said first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from django_tasks_poc import EntityWrapper, TaskBuilder
from django_tasks_poc.models import Task

from ..managers import Manager
from .handlers import Row
from .scenes import Scene, finished_import, held_import, new_import
from .surfer import Surfer

pytestmark = pytest.mark.anywhere

TASKS = reverse("admin:django_tasks_poc_task_changelist")
MANAGERS = reverse("admin:django_tasks_poc_managerprocess_changelist")


@pytest.fixture(scope="module")
def tasks(manager: Manager, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scene, Scene]]:
    """An import that waits at its gate and one that ended, beside tasks that nobody serves."""
    held = held_import(tmp_path_factory.mktemp("held"), manager)
    yield held, finished_import(tmp_path_factory.mktemp("finished"), manager)
    held.gate.touch()
    manager.wait_until(held.is_finished, "the import ends")


def test_a_row_follows_its_task_without_a_reload(manager: Manager, surfer: Surfer, tmp_path: Path) -> None:
    scene = new_import(tmp_path, "Import of a row to watch")
    surfer.log_in("view_task")
    page = surfer.go(TASKS)
    page.evaluate("window.sameDocument = true")
    row = page.get_by_role("row", name=re.compile("Import of a row to watch"))
    scene.start.touch()
    expect(row).to_contain_text("3 failed")
    scene.gate.touch()
    expect(row.locator(".state")).to_have_text("Succeeded")
    assert page.evaluate("window.sameDocument") is True


def test_newer_tasks_are_offered_and_do_not_push_the_rows(
    surfer: Surfer, tasks: tuple[Scene, Scene], tmp_path: Path
) -> None:
    surfer.log_in("view_task")
    page = surfer.go(TASKS)
    rows = page.locator(".dtp-list tbody tr")
    before = rows.all_inner_texts()
    scene = new_import(tmp_path, "Import that came later")
    expect(page.locator("#dtp-newer")).to_contain_text("1 newer task")
    assert rows.count() == len(before)
    page.locator("#dtp-newer").get_by_role("link").click()
    expect(rows.first).to_contain_text("Import that came later")
    scene.task.cancel()


def test_a_task_is_found_by_its_state_its_title_and_its_uuid(surfer: Surfer, tasks: tuple[Scene, Scene]) -> None:
    held, finished = tasks
    surfer.log_in("view_task")
    page = surfer.go(TASKS)
    rows = page.locator(".dtp-list tbody tr")
    page.get_by_role("link", name=re.compile("^Running")).click()
    expect(rows).to_have_count(1)
    page.get_by_role("searchbox", name="Search by title or uuid").fill(str(finished.task.uuid))
    page.keyboard.press("Enter")
    page.get_by_role("link", name=re.compile("^All")).first.click()
    expect(rows).to_have_count(1)
    page.get_by_role("searchbox", name="Search by title or uuid").fill("no such title")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No task matches")).to_be_visible()
    page.get_by_role("link", name="Clear the filters").click()
    page.locator(f"a.title[href*='{held.task.uuid}']").click()
    expect(page.get_by_role("heading", name="Import customers-2026-11.csv")).to_be_visible()


@pytest.fixture
def unserved(db: None) -> Iterator[Task]:
    """A task on a node without a manager."""
    builder = TaskBuilder("mail")
    task = builder.build(builder.create("Newsletter", EntityWrapper(Row, {"number": 1})))
    yield task
    task.cancel()


def test_a_missing_manager_is_the_first_thing_said(surfer: Surfer, unserved: Task) -> None:
    surfer.log_in("view_task", "view_managerprocess")
    page = surfer.go(TASKS)
    expect(page.get_by_text("run_task_manager --node mail")).to_be_visible()


def test_the_managers_are_listed(surfer: Surfer, manager: Manager) -> None:
    surfer.log_in("view_managerprocess")
    page = surfer.go(MANAGERS)
    expect(page.get_by_role("row", name=re.compile(str(manager.pid)))).to_contain_text("Alive")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("is_phone", [False, True], ids=["desktop", "phone"])
def test_the_lists_are_accessible_and_fit(
    critic: Surfer, tasks: tuple[Scene, Scene], unserved: Task, theme: str, is_phone: bool
) -> None:
    critic.log_in(superuser=True)
    getattr(critic, theme)()
    if is_phone:
        critic.on_a_phone()
    for path in (TASKS, f"{TASKS}?q=no+such+title", f"{TASKS}?state=RUNNING", MANAGERS):
        critic.go(path)
        assert (path, critic.violations(), critic.scrolls_sideways) == (path, [], False)
