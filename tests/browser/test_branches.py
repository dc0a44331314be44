"""Branches of the tree in a browser: what is open and scrolled stays, many rows come in pages, keys walk them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from django_tasks_poc import EntityWrapper, TaskBuilder
from django_tasks_poc.models import Task, TaskStage

from ..managers import Manager
from .handlers import Batches, Report, Row
from .surfer import Surfer

pytestmark = pytest.mark.anywhere


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """What stages wait for; it is there at the end, so that none holds a slot of the manager for ever."""
    path = tmp_path / "gate"
    yield path
    path.touch()


@pytest.fixture
def loading(manager: Manager, gate: Path) -> Task:
    """A task whose fan-out has three stages that ended, one of them failed, and two that wait for the gate."""
    builder = TaskBuilder()
    batches = EntityWrapper(Batches, {"good": 2, "bad": 1, "held": 2, "gate": str(gate), "mended": str(gate)})
    task = builder.build(builder.create("Load orders", batches, EntityWrapper(Report)))
    nested = Task.objects.filter(parent_stage__task=task)
    manager.wait_until(
        lambda: nested.filter(success_count=2, error_count=1, running_count=2).exists(), "the fan-out is at work"
    )
    return task


def page_of(task: Task) -> str:
    return reverse("admin:django_tasks_poc_task_change", args=[task.uuid])


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("treeitem").filter(has=page.locator(f".dtp-row .name:text-is('{name}')")).last


def open_row(page: Page, name: str) -> Locator:
    item = row(page, name)
    item.locator("> .dtp-row .tw").click()
    expect(item).to_have_attribute("aria-expanded", "true")
    return item


def test_what_is_open_stays_open_while_the_tree_grows(surfer: Surfer, loading: Task, gate: Path) -> None:
    surfer.log_in("view_task")
    page = surfer.go(page_of(loading))
    page.evaluate("window.isSame = true")
    open_row(page, "1 Batches")
    gates = row(page, "Gate 4")
    expect(gates.locator(".ic")).to_contain_text("Running")
    failed = open_row(page, "Trip 3")
    expect(failed.get_by_text("ValueError: row 38,112", exact=False).first).to_be_visible()
    page.evaluate("window.scrollTo(0, 60)")
    gate.touch()
    expect(gates.locator(".ic")).to_contain_text("Succeeded")
    expect(gates).to_contain_text("let through")
    expect(row(page, "2 Report").locator("> .dtp-row .ic")).to_contain_text("Succeeded")
    expect(page.locator("#dtp-live")).to_contain_text("Finished at")
    expect(failed.locator(".dtp-panel")).to_be_visible()
    assert page.evaluate("window.isSame")
    assert page.evaluate("window.scrollY") == 60


def test_the_tree_is_walked_with_the_keys(surfer: Surfer, loading: Task) -> None:
    surfer.log_in("view_task")
    page = surfer.go(page_of(loading))
    stops = page.locator('[role="treeitem"][tabindex="0"]')
    expect(stops).to_have_count(1)
    stops.focus()
    page.keyboard.press("ArrowRight")
    expect(row(page, "Trip 3")).to_be_visible()
    page.keyboard.press("ArrowRight")
    focused = page.locator(":focus")
    expect(focused).to_contain_text("Trip 3")
    page.keyboard.press("ArrowDown")
    expect(focused).to_contain_text("Gate 4")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(focused.locator(".dtp-panel")).to_contain_text("is not a date")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.dtp-panel') !== null")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("End")
    expect(focused).to_contain_text("2 Report")
    page.keyboard.press("Home")
    expect(focused).to_contain_text("1 Batches")
    page.keyboard.press("ArrowLeft")
    expect(row(page, "1 Batches")).to_have_attribute("aria-expanded", "false")
    expect(stops).to_have_count(1)


def test_a_failure_that_is_new_is_told_and_not_pushed_in(surfer: Surfer, loading: Task) -> None:
    surfer.log_in("view_task")
    page = surfer.go(page_of(loading))
    open_row(page, "1 Batches")
    rows = page.locator(".dtp-branch .dtp-branch [data-dtp-order]")
    expect(rows).to_have_count(5)
    nested = Task.objects.get(parent_stage__task=loading)
    Task.objects.filter(uuid=nested.uuid).update(error_count=2, success_count=1)
    link = page.get_by_role("link", name="1 more failed")
    expect(link).to_be_visible()
    expect(rows).to_have_count(5)
    link.click()
    expect(rows).to_have_count(1)
    Task.objects.filter(uuid=nested.uuid).update(error_count=1, success_count=2)


def test_many_rows_come_twenty_at_a_time(surfer: Surfer, manager: Manager) -> None:
    builder = TaskBuilder()
    draft = builder.create("Many rows", parallel=True, unique=False)
    draft.extend(EntityWrapper(Row, {"number": number}) for number in range(50))
    task = builder.build(draft)
    manager.wait_until(lambda: Task.objects.get(uuid=task.uuid).finished_at is not None, "it ends")
    surfer.log_in("view_task")
    page = surfer.go(page_of(task))
    rows = page.locator("[data-dtp-order]")
    expect(rows).to_have_count(20)
    page.get_by_role("link", name="Show 20 more").click()
    expect(rows).to_have_count(40)
    expect(page.get_by_text("Showing 40 of 50")).to_be_visible()
    page.get_by_role("link", name="Show 10 more").click()
    expect(rows).to_have_count(50)
    page.get_by_label("Order").select_option("last")
    expect(rows).to_have_count(20)
    expect(rows.first).to_contain_text("Row 50")
    page.get_by_label("Find").fill("37")
    page.get_by_label("Find").press("Enter")
    expect(rows.first).to_contain_text("Row 37")
    page.get_by_label("Find").fill(str(TaskStage.objects.get(task=task, order=4).uuid))
    page.get_by_label("Find").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Row 5")
