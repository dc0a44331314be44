"""The timeline of a task: it grows while somebody looks, stops at the end, and can be read by everybody."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from django_tasks_poc import EntityWrapper, TaskBuilder
from django_tasks_poc.models import Task

from ..managers import Manager
from .handlers import Batches, Report
from .surfer import Surfer

pytestmark = pytest.mark.anywhere


def import_of(gate: Path, mended: Path, *, good: int = 6, held: int = 1) -> Task:
    """Build a task with a fan-out, two stages of which fail until ``mended`` is there."""
    builder = TaskBuilder()
    batches = {"good": good, "bad": 2, "held": held, "gate": str(gate), "mended": str(mended)}
    stages = (EntityWrapper(Batches, batches), EntityWrapper(Report))
    return builder.build(builder.create("Import orders", *stages, unique=False))


def timeline(task: Task) -> str:
    return reverse("admin:django_tasks_poc_task_timeline", args=[task.uuid])


def test_a_timeline_grows_and_stops_at_the_end(surfer: Surfer, manager: Manager, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    task = import_of(gate, tmp_path / "mended")
    surfer.log_in("view_task")
    page = surfer.go(timeline(task))
    expect(page.get_by_text("Rows 9 stages")).to_be_visible()
    expect(page.get_by_role("img", name="Trip 7: Failed")).to_be_visible()
    # A table that somebody opened is still open, and has new numbers, when the page was refreshed.
    durations = page.locator("figure", has_text="How long a stage takes")
    durations.get_by_text("Show as a table").focus()
    page.keyboard.press("Enter")
    expect(durations.get_by_role("table")).to_be_visible()
    expect(durations).to_contain_text("8 finished stages of Rows")
    gate.touch()
    expect(durations).to_contain_text("9 finished stages of Rows")
    expect(durations.get_by_role("table")).to_be_visible()
    expect(page.locator("#dtp-live")).to_contain_text("Finished at")
    expect(page.get_by_role("img", name="2 Report: Succeeded")).to_be_visible()


def test_a_bar_leads_to_the_page_of_its_stage(surfer: Surfer, manager: Manager, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    task = import_of(gate, tmp_path / "mended")
    manager.wait_until(lambda: Task.objects.get(uuid=task.uuid).finished_at is not None, "the task ends")
    surfer.log_in("view_task")
    page = surfer.go(timeline(task))
    page.get_by_role("link", name="Trip 7").click()
    expect(page.get_by_text("“31/11/2026” is not a date").first).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Stages", exact=True).click()
    expect(page.get_by_role("tree").first).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", ["desktop", "phone"])
def test_a_timeline_is_accessible(critic: Surfer, manager: Manager, tmp_path: Path, theme: str, width: str) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    task = import_of(gate, tmp_path / "mended", good=20)
    manager.wait_until(lambda: Task.objects.get(uuid=task.uuid).finished_at is not None, "the task ends")
    critic.log_in("view_task")
    getattr(critic, theme)()
    if width == "phone":
        critic.on_a_phone()
    page = critic.go(timeline(task))
    for summary in page.get_by_text("Show as a table").all():
        summary.click()
    assert not critic.scrolls_sideways
    assert critic.violations() == []
