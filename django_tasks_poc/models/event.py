"""Who paused, resumed, cancelled or retried a task, when and why."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..identifiers import uuid7


class TaskEvent(models.Model):
    """One verb given to a task."""

    uuid = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    task = models.ForeignKey("Task", on_delete=models.CASCADE, related_name="events")
    verb = models.CharField(max_length=16)
    at = models.DateTimeField()
    by = models.CharField(max_length=255, blank=True, default="")
    reason = models.TextField(blank=True, default="")
    result = models.TextField(help_text="JSON text: how many tasks, stages and processes it touched.")

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ("at",)

    def __str__(self) -> str:
        return f"{self.verb} by {self.by or 'unknown'}"
