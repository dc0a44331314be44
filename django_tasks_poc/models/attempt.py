"""The post-mortem of a start that did not succeed."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..identifiers import uuid7


class AttemptOutcome(models.TextChoices):
    """How a start ended that did not succeed."""

    ERROR = "error", _("Failed")
    CRASHED = "crashed", _("Crashed")
    TIMED_OUT = "timed_out", _("Timed out")
    CANCELED = "canceled", _("Canceled")
    LOST = "lost", _("Lost")
    INTERRUPTED = "interrupted", _("Interrupted")


class StageAttempt(models.Model):
    """One start of a stage that ended in an error, a crash, a timeout, a cancel, a loss or an interruption."""

    uuid = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    stage = models.ForeignKey("TaskStage", on_delete=models.CASCADE, related_name="attempts")
    start = models.PositiveIntegerField()
    attempt = models.PositiveIntegerField()
    outcome = models.CharField(max_length=12, choices=AttemptOutcome)
    message = models.TextField(blank=True, default="")
    traceback = models.TextField(blank=True, default="")
    manager = models.UUIDField(null=True, blank=True)
    host = models.CharField(max_length=255, blank=True, default="")
    pid = models.PositiveIntegerField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField()
    exit_code = models.IntegerField(null=True, blank=True)
    signal = models.IntegerField(null=True, blank=True)
    user_cpu = models.FloatField(null=True, blank=True, help_text="Seconds.")
    system_cpu = models.FloatField(null=True, blank=True, help_text="Seconds.")
    max_rss = models.PositiveIntegerField(null=True, blank=True, help_text="KiB.")
    stdout = models.TextField(blank=True, default="")
    stderr = models.TextField(blank=True, default="")

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ("start",)

    def __str__(self) -> str:
        return f"start {self.start}: {self.get_outcome_display()}"
