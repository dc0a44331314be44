"""Tasks in states that are worth looking at; the tests hold their clocks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.urls import reverse

from django_tasks_poc import EntityWrapper, TaskBuilder
from django_tasks_poc.models import Task, TaskStage

from ..managers import Manager
from .handlers import Batches, Gate, Report

GOOD, BAD, HELD = 6, 3, 2


@dataclass(frozen=True)
class Scene:
    """An import: ``start``, ``gate`` and ``mended`` are files that let it begin, end, and its bad rows pass."""

    task: Task
    start: Path
    gate: Path
    mended: Path

    @property
    def url(self) -> str:
        return reverse("admin:django_tasks_poc_task_change", args=[self.task.uuid])

    @property
    def timeline_url(self) -> str:
        return reverse("admin:django_tasks_poc_task_timeline", args=[self.task.uuid])

    @property
    def rows(self) -> Task:
        """The fan-out."""
        return Task.objects.get(parent_stage__task=self.task)

    @property
    def failed(self) -> TaskStage:
        """The first row that failed."""
        found = TaskStage.objects.filter(task=self.rows, state="ERROR").order_by("order").first()
        assert found is not None
        return found

    def is_held(self) -> bool:
        """Whether all is done but what waits at the gate."""
        return Task.objects.filter(parent_stage__task=self.task, error_count=BAD, running_count=HELD).exists()

    def is_finished(self) -> bool:
        return Task.objects.filter(uuid=self.task.uuid, finished_at__isnull=False).exists()


def new_import(folder: Path, title: str = "Import customers-2026-11.csv") -> Scene:
    """Build an import whose files are in the folder; nothing of it passes before ``start`` is there."""
    start, gate, mended = folder / "start", folder / "gate", folder / "mended"
    builder = TaskBuilder()
    batches = {"good": GOOD, "bad": BAD, "held": HELD, "gate": str(gate), "mended": str(mended)}
    draft = builder.create(
        title,
        EntityWrapper(Gate, {"path": str(start), "message": "14 columns"}),
        EntityWrapper(Batches, batches),
        EntityWrapper(Report),
        shared={"path": "uploads/customers-2026-11.csv", "api_token": "hunter2"},
        created_by="admin",
        unique=False,
    )
    return Scene(builder.build(draft), start, gate, mended)


def held_import(folder: Path, manager: Manager) -> Scene:
    """Return an import of which some rows failed, some succeeded and some run, as long as its gate is shut."""
    scene = new_import(folder)
    scene.start.touch()
    manager.wait_until(scene.is_held, "the rows wait at the gate")
    return scene


def finished_import(folder: Path, manager: Manager) -> Scene:
    """Return an import that ended with failures."""
    scene = new_import(folder)
    scene.start.touch()
    scene.gate.touch()
    manager.wait_until(scene.is_finished, "the import ends")
    return scene
