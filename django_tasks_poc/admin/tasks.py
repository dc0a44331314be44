"""Tasks in the admin: the list of roots, and the page of any task."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..models import Task
from ..texts import duration, one_line
from ..viewer import find_task
from . import texts
from .badges import ago, line, task_badge
from .filters import NodeFilter, StateFilter
from .read_only import ReadOnlyAdmin
from .tabs import tabs
from .task_list import NewestPaginator, TaskList, counted
from .timeline import TimelineMixin

SCRIPTS = ("vendor/htmx.min", "htmx_config", "tree", "task_live")


@admin.register(Task)
class TaskAdmin(TimelineMixin, ReadOnlyAdmin):
    """Shows what tasks do, how far they are, and why they failed."""

    list_display = ("shown_state", "shown_title", "shown_node", "shown_counts", "shown_message", "took", "built")
    list_display_links = ("shown_title",)
    list_filter = (StateFilter, NodeFilter)
    search_fields = ("title",)
    search_help_text = _("A part of a title, or the uuid of a task.")
    ordering = ("-created_at",)
    paginator = NewestPaginator

    class Media:
        css = {"all": ("django_tasks_poc/tree.css", "django_tasks_poc/timeline.css")}
        js = tuple(Script(f"django_tasks_poc/{name}.js", defer=True) for name in SCRIPTS)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).visible()  # type: ignore[no-any-return,attr-defined]  # a TaskQuerySet

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the task from whichever database has it: its address does not name one."""
        try:
            return find_task(UUID(object_id))
        except ValueError:
            return None

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[TaskList]:
        return TaskList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Search by title; by uuid, also a nested task's, when the text is one."""
        try:
            uuid = UUID(search_term.strip())
        except ValueError:
            return super().get_search_results(request, queryset, search_term)
        # As a value, not as a subquery: so the primary key is used, and not the index of the list.
        roots = list(self.get_queryset(request).order_by().filter(uuid=uuid).values_list("root", flat=True))
        return queryset.filter(uuid__in=roots), False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Return none: the page is no form."""
        return []

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **options: Any) -> HttpResponse:
        """Fill the page; called when the permission was checked."""
        task: Task | None = context.get("original")
        if task is not None:
            context |= self.tree_context(request, task)
            context["tabs"] = tabs(task.uuid, "change", self.admin_site.name)
            context |= {"title": one_line(task.title, 255), "subtitle": None}
        return super().render_change_form(request, context, *args, **options)

    @admin.display(description=_("state"))
    def shown_state(self, task: Task) -> SafeString:
        return task_badge(task.state)

    @admin.display(description=_("title"))
    def shown_title(self, task: Task) -> SafeString | str:
        return line(task.title, 80)

    @admin.display(description=_("node"))
    def shown_node(self, task: Task) -> str:
        return task.node

    @admin.display(description=_("stages"))
    def shown_counts(self, task: Task) -> str:
        return texts.counts(counted(task))

    @admin.display(description=_("message"))
    def shown_message(self, task: Task) -> SafeString | str:
        return line(task.message)

    @admin.display(description=_("took"))
    def took(self, task: Task) -> str:
        if task.started_at is None:
            return gettext("not begun")
        return duration(texts.seconds_between(task.started_at, task.finished_at or timezone.now()))

    @admin.display(description=_("built"))
    def built(self, task: Task) -> SafeString | str:
        return ago(task.created_at)
