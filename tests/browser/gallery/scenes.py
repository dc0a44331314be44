"""What the pictures show: imports that run and that ended, and tasks in the other states around them."""

from __future__ import annotations

import time
from pathlib import Path

from django.db.models import QuerySet

from demo_project.fake_tables import write_table
from demo_project.handlers.import_table import build_import
from django_tasks_poc import EntityWrapper, TaskBuilder
from django_tasks_poc.models import Task, TaskStage

from ...managers import Manager
from .handlers import LoadAll, NotifyOwner, Parse, Report, Step

BATCHES, HELD = 200, 143


def play(manager: Manager, folder: Path) -> tuple[Task, Task, Task]:
    """Run all tasks of the gallery; return an import that runs, one that ended, and the demo's, paused."""
    others()
    write_table(folder / "orders.csv", 20_000, 60, seed=1)
    upload = build_import(folder / "orders.csv", batch=1000)
    manager.wait_until(lambda: rows_of(upload).filter(success_count__gt=8).exists(), "some of it is loaded")
    upload.pause(by="admin")
    ended = new_import("Import customers-2026-10.csv", {"batches": 60})
    manager.wait_until(lambda: rows_of(ended).filter(success_count__gt=20).exists(), "twenty batches are loaded")
    ended.pause(reason="checking the first rows", by="admin")
    time.sleep(1.5)  # as long as the pause looks good in a picture
    ended.resume(by="operator")
    wait_for_end(manager, ended)
    running = new_import("Import customers-2026-11.csv", {"batches": BATCHES, "held": HELD})
    manager.wait_until(lambda: rows_of(running).filter(success_count__gt=30).exists(), "thirty batches are loaded")
    running.pause(reason="checking the first rows", by="admin")
    time.sleep(2)
    running.resume(by="operator")
    manager.wait_until(lambda: is_held(running), "the rest waits at the gate", 120)
    return running, ended, upload


def new_import(title: str, batches: dict[str, int]) -> Task:
    builder = TaskBuilder()
    shared = {"path": f"uploads/{title.removeprefix('Import ')}", "delimiter": ";", "owner": 12, "api_token": "hunter2"}
    draft = builder.create(
        title,
        EntityWrapper(Parse, {"path": shared["path"]}),
        EntityWrapper(LoadAll, batches),
        EntityWrapper(Report),
        finally_=EntityWrapper(NotifyOwner),
        shared=shared,
        created_by="admin",
    )
    return builder.build(draft)


def others() -> None:
    """Build tasks that wait, end well, end badly, are paused, canceled, and on a node that has no manager."""
    builder = TaskBuilder()
    builder.build(builder.create("Monthly report", EntityWrapper(Step), delay=3600, created_by="admin"))
    builder.build(builder.create("Rebuild the search index", EntityWrapper(Step, {"message": "18,000 products"})))
    bad = {"message": "supplier 7 of 40 has no VAT number", "is_bad": True}
    builder.build(builder.create("Import suppliers-october.csv", EntityWrapper(Step, bad), EntityWrapper(Report)))
    photos = builder.create("Resize product photos")
    photos.extend(EntityWrapper(Step, {"message": "resized"}) for _ in range(8))
    builder.build(photos).pause(reason="disk full", by="admin")
    builder.build(builder.create("Export for the auditor", EntityWrapper(Step), delay=60)).cancel(by="admin")
    mail = TaskBuilder("mail")
    for week in (46, 47):
        mail.build(mail.create(f"Newsletter of week {week}", EntityWrapper(Step)))


def rows_of(task: Task) -> QuerySet[Task]:
    return Task.objects.filter(parent_stage__task=task)


def is_held(task: Task) -> bool:
    """Whether all that runs is at the gate, and the three that fail have failed."""
    rows = rows_of(task).first()
    if rows is None or rows.error_count < 3 or rows.running_count + rows.waiting_count < 7:
        return False
    return not TaskStage.objects.filter(task=rows, order__lt=HELD - 1, state="RUNNING").exists()


def wait_for_end(manager: Manager, task: Task) -> None:
    manager.wait_until(lambda: Task.objects.filter(uuid=task.uuid, finished_at__isnull=False).exists(), "it ends", 120)
