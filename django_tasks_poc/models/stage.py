"""A stage: one handler, its params, and how its starts went."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..entities import TaskResponse
from ..identifiers import uuid7
from ..outcomes import ErrorInfo
from ..serialization import from_json, load_response, reading
from ..states import OPEN, State

#: How the response of a stage that waited begins: the counts of its nested task.
COUNTS = '{"total":'


class Kind(models.TextChoices):
    """What a stage row is: a step of the task, or what runs after its end."""

    STAGE = "stage", _("Stage")
    FINALLY = "finally", _("Finally")


class StageQuerySet(models.QuerySet["TaskStage"]):
    """The words for sets of stages."""

    def steps(self) -> Self:
        return self.filter(kind=Kind.STAGE)

    def open(self) -> Self:
        return self.filter(state__in=OPEN)


class TaskStage(models.Model):
    """One stage. Its state is written by the storage's commands only; ``save`` it never."""

    uuid = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    task = models.ForeignKey("Task", on_delete=models.CASCADE, related_name="stages", db_index=False)
    order = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.STAGE)
    state = models.CharField(max_length=8, choices=State, default=State.READY)
    handler = models.CharField(max_length=255)
    params = models.TextField(help_text="JSON text.")

    message = models.TextField(blank=True, default="")
    response = models.TextField(blank=True, default="", help_text="JSON text; empty for none.")
    response_type = models.CharField(max_length=255, blank=True, default="")
    error_class = models.CharField(max_length=255, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    traceback = models.TextField(blank=True, default="")

    #: Starts that may fail, all starts, starts that were lost, and the attempt at which the present budget began.
    attempt = models.PositiveIntegerField(default=0)
    start = models.PositiveIntegerField(default=0)
    lost = models.PositiveIntegerField(default=0)
    attempt_base = models.PositiveIntegerField(default=0)

    #: Of the present start: its fencing token and the manager that claimed it. Null unless RUNNING.
    token = models.UUIDField(null=True, blank=True)
    manager = models.UUIDField(null=True, blank=True, db_index=True)
    #: Set on a stage that came back to READY: when it may be claimed.
    due = models.DateTimeField(null=True, blank=True)
    cursor = models.TextField(blank=True, default="", help_text="JSON text of the last checkpoint.")
    progress = models.TextField(blank=True, default="", help_text="JSON text: [done, total, message].")

    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    duration = models.FloatField(null=True, blank=True, help_text="Seconds that the last start took.")
    cpu = models.FloatField(null=True, blank=True, help_text="Seconds of user and system CPU of the last start.")
    max_rss = models.PositiveIntegerField(null=True, blank=True, help_text="Peak memory in KiB of the last start.")

    objects = StageQuerySet.as_manager()

    class Meta:
        verbose_name = _("stage")
        verbose_name_plural = _("stages")
        constraints = (models.UniqueConstraint(fields=["task", "order"], name="dtp_stage_order"),)
        indexes = (
            # Serves the claim (READY, due null, by order; or READY and due) and the pages by state.
            models.Index(fields=["task", "state", "due", "order"], name="dtp_stage_claim"),
            models.Index(fields=["task", "duration"], name="dtp_stage_duration"),
        )

    def __str__(self) -> str:
        return f"{self.order + 1}. {self.handler.rpartition('.')[2]}"

    @property
    def waited(self) -> bool:
        """Whether it may have waited for a nested task: its response is then the counts of that, or not there yet."""
        return self.state == State.WAITING or self.response.startswith(COUNTS)

    @property
    def params_value(self) -> Any:
        with reading(f"The params of stage {self.uuid}"):
            return from_json(self.params)

    @property
    def response_value(self) -> Any:
        """The response as the handler gave it (a dataclass where it was one)."""
        with reading(f"The response of stage {self.uuid}"):
            return load_response(self.response, self.response_type, TaskResponse)

    @property
    def error(self) -> ErrorInfo | None:
        if self.state != State.ERROR:
            return None
        return ErrorInfo(self.error_class, self.error_message, self.traceback)
