"""Manager processes in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import connections
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ..lifecycle import life
from ..models import ManagerProcess
from ..texts import visible
from .badges import ago
from .filters import NodeFilter
from .read_only import ReadOnlyAdmin
from .texts import short_host


@admin.register(ManagerProcess)
class ManagerProcessAdmin(ReadOnlyAdmin):
    """Shows which managers there are, and which of them live."""

    list_display = ("shown_host", "pid", "shown_life", "node", "executor", "load", "beat", "begun", "version")
    list_filter = (NodeFilter,)
    ordering = ("-beat_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Add the database's time to each row, by which the beats are judged; SQLite's is this host's."""
        rows = super().get_queryset(request)
        return rows if connections[rows.db].vendor == "sqlite" else rows.annotate(database_time=Now())

    @admin.display(description="host")
    def shown_host(self, row: ManagerProcess) -> SafeString:
        return format_html('<span title="{}">{}</span>', visible(row.host), short_host(row.host))

    @admin.display(description="state")
    def shown_life(self, row: ManagerProcess) -> SafeString:
        found = life(row, getattr(row, "database_time", None) or timezone.now())
        return format_html('<span class="dtp-life dtp-{}">{}</span>', found.name.lower(), found.value)

    @admin.display(description="running / size")
    def load(self, row: ManagerProcess) -> str:
        return f"{row.running:,} / {row.queue_size:,}"

    @admin.display(description="beat")
    def beat(self, row: ManagerProcess) -> SafeString | str:
        return ago(row.beat_at)

    @admin.display(description="begun")
    def begun(self, row: ManagerProcess) -> SafeString | str:
        return ago(row.started_at)
