"""Which pages are photographed, and in which state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from django.urls import reverse
from PIL import Image
from playwright.sync_api import Browser, Page

from django_tasks_poc.models import Task, TaskStage

from ..surfer import Complaints, Surfer, import_page

#: Pixels: what is longer is cut.
LONGEST = 2400


def photograph(
    browser: Browser, address: str, running: Task, ended: Task, upload: Task, folder: Path
) -> Iterator[Path]:
    """Take each page light and dark, and the main ones on a phone; yield the files."""
    surfer = Surfer(browser, address, Complaints(), None, locale="en-GB", timezone_id="UTC")
    surfer.log_in(superuser=True)
    failed = TaskStage.objects.filter(task__root=running, order=37, state="ERROR").get()
    shots: dict[str, tuple[str, Callable[[Page], None] | None, bool]] = {
        "tasks": (reverse("admin:django_tasks_poc_task_changelist"), None, True),
        "task": (change(running), open_failure, True),
        "task-ended": (change(ended), None, False),
        "timeline": (reverse("admin:django_tasks_poc_task_timeline", args=[ended.uuid]), None, True),
        "timeline-running": (reverse("admin:django_tasks_poc_task_timeline", args=[running.uuid]), None, False),
        "stage": (reverse("admin:django_tasks_poc_task_stage", args=[failed.uuid]), None, False),
        "cancel": (reverse("admin:django_tasks_poc_task_cancel", args=[running.uuid]), None, False),
        "progress": (import_page(upload), None, True),
        "managers": (reverse("admin:django_tasks_poc_managerprocess_changelist"), None, True),
    }
    for name, (url, prepare, on_phone) in shots.items():
        page = surfer.go(url)
        if prepare:
            prepare(page)
        for theme in ("light", "dark"):
            getattr(surfer, theme)()
            yield shoot(page, folder / f"{name}-{theme}.png")
        if on_phone:
            surfer.light()
            surfer.on_a_phone()
            yield shoot(page, folder / f"{name}-phone.png")
            surfer.at_a_desk()


def change(task: Task) -> str:
    return reverse("admin:django_tasks_poc_task_change", args=[task.uuid])


def open_failure(page: Page) -> None:
    """Open the fan-out, and in it the first that failed."""
    batches = page.get_by_role("treeitem", name="LoadAll")
    batches.locator(".tw").first.click()
    first = batches.get_by_role("treeitem").first
    first.locator(".tw").first.click()
    page.locator(".dtp-panel").get_by_text("Attempts").first.wait_for()


def shoot(page: Page, path: Path) -> Path:
    width = page.viewport_size["width"] if page.viewport_size else 0
    height = min(page.evaluate("document.documentElement.scrollHeight"), LONGEST)
    page.evaluate("scrollTo(0, 0)")
    clip = {"x": 0, "y": 0, "width": width, "height": height}
    page.screenshot(path=path, full_page=True, clip=clip, animations="disabled")
    with Image.open(path) as picture:  # few colours, so that a page may be in the repository
        picture.convert("RGB").quantize(192, dither=Image.Dither.NONE).save(path, optimize=True)
    return path
