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
from django.utils.translation import gettext_lazy as _

from ..lifecycle import Life, life
from ..models import ManagerProcess
from ..texts import amount, visible
from .badges import ago
from .filters import NodeFilter
from .read_only import ReadOnlyAdmin
from .texts import short_host

_LIVES = {Life.ALIVE: _("Alive"), Life.LATE: _("Late"), Life.DEAD: _("Dead"), Life.STOPPED: _("Stopped")}


@admin.register(ManagerProcess)
class ManagerProcessAdmin(ReadOnlyAdmin):
    """Shows which managers there are, and which of them live."""

    list_display = (
        "shown_host", "pid", "shown_life", "shown_node", "shown_executor", "load", "beat", "begun", "shown_version",
    )  # fmt: skip
    list_filter = (NodeFilter,)
    ordering = ("-beat_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Add the database's time to each row, by which the beats are judged; SQLite's is this host's."""
        rows = super().get_queryset(request)
        return rows if connections[rows.db].vendor == "sqlite" else rows.annotate(database_time=Now())

    @admin.display(description=_("host"))
    def shown_host(self, row: ManagerProcess) -> SafeString:
        return format_html('<span title="{}">{}</span>', visible(row.host), short_host(row.host))

    @admin.display(description=_("state"))
    def shown_life(self, row: ManagerProcess) -> SafeString:
        found = life(row, getattr(row, "database_time", None) or timezone.now())
        return format_html('<span class="dtp-life dtp-{}">{}</span>', found.name.lower(), _LIVES[found])

    @admin.display(description=_("running / size"))
    def load(self, row: ManagerProcess) -> str:
        return f"{amount(row.running)} / {amount(row.queue_size)}"

    @admin.display(description=_("beat"))
    def beat(self, row: ManagerProcess) -> SafeString | str:
        return ago(row.beat_at)

    @admin.display(description=_("begun"))
    def begun(self, row: ManagerProcess) -> SafeString | str:
        return ago(row.started_at)

    @admin.display(description=_("node"))
    def shown_node(self, row: ManagerProcess) -> str:
        return row.node

    @admin.display(description=_("executor"))
    def shown_executor(self, row: ManagerProcess) -> str:
        return row.executor

    @admin.display(description=_("version"))
    def shown_version(self, row: ManagerProcess) -> str:
        return row.version
