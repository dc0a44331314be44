"""Tasks in the admin: the list of roots, and the page of any task."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse

from ..models import Task
from ..texts import one_line
from ..viewer import find_task
from .filters import AgeFilter, NodeFilter, StateFilter
from .read_only import ReadOnlyAdmin
from .tabs import tabs
from .task_list_view import TaskListMixin
from .timeline import TimelineMixin
from .verbs import BulkMixin

SCRIPTS = ("vendor/htmx.min", "htmx_config", "tree", "task_live")


@admin.register(Task)
class TaskAdmin(BulkMixin, TaskListMixin, TimelineMixin, ReadOnlyAdmin):
    """Shows what tasks do, how far they are, and why they failed."""

    list_display = ("title",)
    list_filter = (StateFilter, NodeFilter, AgeFilter)
    search_fields = ("title",)
    ordering = ("-created_at",)

    class Media:
        css = {"all": ("django_tasks_poc/timeline.css", "django_tasks_poc/list.css")}
        js = tuple(Script(f"django_tasks_poc/{name}.js", defer=True) for name in SCRIPTS)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).visible()  # type: ignore[no-any-return,attr-defined]  # a TaskQuerySet

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the task from whichever database has it: its address does not name one."""
        try:
            return find_task(UUID(object_id))
        except ValueError:
            return None

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
