"""A task: a list of stages, how they run, and how far they are."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..entities import OnError, TaskResponse
from ..identifiers import uuid7
from ..options import TaskOptions
from ..outcomes import VerbResult
from ..serialization import from_json, load_response, reading
from ..states import OPEN, State
from ..storage.base import command


class TaskQuerySet(models.QuerySet["Task"]):
    """The words for sets of tasks."""

    def roots(self) -> Self:
        return self.filter(depth=0)

    def open(self) -> Self:
        return self.filter(state__in=OPEN)

    def finished(self) -> Self:
        return self.filter(finished_at__isnull=False)

    def visible(self) -> Self:
        """Leave out what is half there: nested tasks not committed to (yet), and trees that are being purged."""
        return self.exclude(state=State.PROMISED).filter(purging=False)


class Task(models.Model):
    """One task. Its state is written by the storage's commands only; ``save`` it never."""

    uuid = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    node = models.CharField(max_length=64)
    queue = models.CharField(max_length=64, blank=True, default="")
    title = models.CharField(max_length=255)
    state = models.CharField(max_length=8, choices=State, default=State.READY)
    message = models.TextField(blank=True, default="")
    response = models.TextField(blank=True, default="", help_text="JSON text; empty for none.")
    response_type = models.CharField(max_length=255, blank=True, default="")
    shared = models.TextField(blank=True, default="", help_text="JSON text of the data common to all stages.")
    options = models.TextField(help_text="JSON text: timeout, retry, finally and what handlers say of themselves.")

    # How its stages run.
    parallel = models.BooleanField(default=False)
    max_parallel = models.PositiveIntegerField(null=True, blank=True)
    on_error = models.CharField(max_length=8, choices=OnError, default=OnError.STOP)
    max_failures = models.PositiveIntegerField(null=True, blank=True)

    # What the claim reads: whether there may be something to claim now, when there will be next, and in which turn.
    priority = models.SmallIntegerField(default=0)
    claimable = models.BooleanField(default=False)
    due = models.DateTimeField(null=True, blank=True)
    turn = models.DateTimeField()
    #: The lowest order that may not have been claimed yet; of a sequential task, its first unfinished stage.
    position = models.PositiveIntegerField(default=0)
    #: Stages that never began are to be closed by the manager, in pieces.
    closing = models.BooleanField(default=False)
    #: Until the task ended and its finally stage too.
    active = models.BooleanField(default=True)
    #: Its tree is being deleted, in pieces: nobody may see or move any of it.
    purging = models.BooleanField(default=False)

    # Counters of stages by state; a finally stage is in none of them.
    total_count = models.PositiveIntegerField(default=0)
    open_count = models.PositiveIntegerField(default=0)
    running_count = models.PositiveIntegerField(default=0)
    waiting_count = models.PositiveIntegerField(default=0)
    success_count = models.PositiveIntegerField(default=0)
    error_count = models.PositiveIntegerField(default=0)
    canceled_count = models.PositiveIntegerField(default=0)
    skipped_count = models.PositiveIntegerField(default=0)

    # Its place in the tree.
    parent_stage = models.ForeignKey(
        "TaskStage", null=True, blank=True, on_delete=models.CASCADE, related_name="nested_tasks"
    )
    #: Without a constraint, since MariaDB never lets go of a row that refers to itself. A deletion goes down the tree
    #: by ``parent_stage``; followed here as well, it would find no order in which MariaDB takes it.
    root = models.ForeignKey("self", on_delete=models.DO_NOTHING, related_name="subtree", db_constraint=False)
    depth = models.PositiveSmallIntegerField(default=0)
    token = models.UUIDField(null=True, blank=True, help_text="Of the attempt that built this nested task.")
    pause_root = models.UUIDField(null=True, blank=True, help_text="The task on which the pause was asked.")

    unique_key = models.CharField(max_length=255, blank=True, default="")
    unique_open = models.CharField(max_length=64, null=True, blank=True, unique=True)

    created_by = models.CharField(max_length=255, blank=True, default="")
    age = models.DateTimeField(help_text="When the root was created.")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = TaskQuerySet.as_manager()

    class Meta:
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        permissions = [
            ("pause_task", "Can pause and resume task"),
            ("cancel_task", "Can cancel task"),
            ("retry_task", "Can retry what failed of task"),
            ("purge_task", "Can purge task"),
        ]
        indexes = (
            models.Index(fields=["node", "claimable", "-priority", "turn"], name="dtp_task_claim"),
            models.Index(fields=["node", "due"], name="dtp_task_due"),
            # What is to be closed, and what is half deleted.
            models.Index(fields=["node", "closing", "purging"], name="dtp_task_closing"),
            models.Index(fields=["node", "active", "state"], name="dtp_task_active"),
            models.Index(fields=["node", "depth", "state", "created_at"], name="dtp_task_list"),
            models.Index(fields=["node", "depth", "created_at"], name="dtp_task_newest"),
        )

    def __str__(self) -> str:
        return self.title

    def pause(self, reason: str = "", by: Any = None) -> VerbResult:
        """Stop starting stages of this task and of all below it."""
        return command(self.node).pause(self.uuid, reason=reason, by=by)

    def resume(self, reason: str = "", by: Any = None) -> VerbResult:
        """Go on where ``pause`` of this task stopped."""
        return command(self.node).resume(self.uuid, reason=reason, by=by)

    def cancel(self, reason: str = "", by: Any = None) -> VerbResult:
        """End this task and all below it; running processes are stopped."""
        return command(self.node).cancel(self.uuid, reason=reason, by=by)

    def retry_failed(self, reason: str = "", by: Any = None) -> VerbResult:
        """Run again what failed in this task and below it; what succeeded stays."""
        return command(self.node).retry_failed(self.uuid, reason=reason, by=by)

    # What follows is read by the writer; each is a pure function of the row.

    @property
    def stored_options(self) -> TaskOptions:
        return TaskOptions.loads(self.options)

    @property
    def shared_value(self) -> Any:
        with reading("The shared context of the task"):
            return from_json(self.shared) if self.shared else None

    @property
    def response_value(self) -> Any:
        """The response as the last stage gave it (a dataclass where it was one)."""
        with reading("The response of the task"):
            return load_response(self.response, self.response_type, TaskResponse)

    @property
    def failed_count(self) -> int:
        return self.error_count + self.canceled_count

    @property
    def finished_count(self) -> int:
        return self.total_count - self.open_count

    @property
    def ready_count(self) -> int:
        return self.open_count - self.running_count - self.waiting_count

    @property
    def stops(self) -> bool:
        """Whether no further stage may begin because of failures."""
        if self.on_error == OnError.STOP:
            return self.failed_count > 0
        return self.max_failures is not None and self.failed_count > self.max_failures

    @property
    def verdict(self) -> State:
        """The final state of a task none of whose stages is open."""
        if not self.failed_count:
            return State.SUCCESS
        if self.on_error == OnError.STOP and not self.error_count:
            return State.CANCELED
        return State.ERROR

    @property
    def open_state(self) -> State:
        """The state of a task that is neither final, promised nor paused."""
        if self.running_count:
            return State.RUNNING
        if self.waiting_count:
            return State.WAITING
        return State.RUNNING if self.started_at else State.READY

    @property
    def room(self) -> int | None:
        """How many more stages may begin side by side; None for no limit."""
        if not self.parallel:
            return 0 if self.running_count or self.waiting_count else 1
        if self.max_parallel is None:
            return None
        return max(0, self.max_parallel - self.running_count - self.waiting_count)
