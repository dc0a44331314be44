"""A manager process: who it is, and when it was last seen alive."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..identifiers import uuid7


class ManagerProcess(models.Model):
    """One manager; alive while ``stopped_at`` is null and its beat is within the lease."""

    uuid = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    node = models.CharField(max_length=64)
    host = models.CharField(max_length=255, help_text="Host name, boot id and pid namespace.")
    pid = models.PositiveIntegerField()
    process_started = models.CharField(max_length=64, help_text="Start time of the process, as the kernel counts it.")
    lock_file = models.CharField(max_length=1024, blank=True, default="")
    executor = models.CharField(max_length=32)
    queue_size = models.PositiveIntegerField()
    version = models.CharField(max_length=32)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, blank=True)
    running = models.PositiveIntegerField(default=0, help_text="Stages at work when it last beat.")
    #: The default is the database's, too: managers of an older version, which know no such column, run beside.
    recent = models.CharField(
        max_length=1000, blank=True, default="", db_default="",
        help_text="JSON text: stages that ended in the last five minutes.",
    )  # fmt: skip

    class Meta:
        verbose_name = _("manager")
        verbose_name_plural = _("managers")
        indexes = (models.Index(fields=["node", "stopped_at"], name="dtp_manager_alive"),)

    def __str__(self) -> str:
        return f"{self.node}: pid {self.pid} on {self.host.partition(' ')[0]}"
