"""The page of the task list, and what keeps an open one up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.cache import get_conditional_response, set_response_etag
from django.utils.translation import gettext as _

from .filters import AgeFilter, NodeFilter, StateFilter
from .page_key import PageKey
from .served import notes
from .task_list import NEWEST, ROWS, TaskList

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

_TEMPLATES = "admin/django_tasks_poc/task/"


class TaskListMixin(ModelAdmin):
    """What the admin of tasks answers about its list."""

    change_list_template = f"{_TEMPLATES}change_list.html"

    def get_urls(self) -> list[URLPattern]:
        live = self.admin_site.admin_view(self.list_live_view)
        return [path("live/", live, name="django_tasks_poc_task_list_live"), *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[TaskList]:
        return TaskList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None)
        if isinstance(response, TemplateResponse) and shown and isinstance(shown.get("cl"), TaskList):
            shown |= self._shown(request, shown["cl"])
        return response

    def _shown(self, request: HttpRequest, found: TaskList) -> dict[str, Any]:
        rows, query = found.rows(self.admin_site.name), request.GET.copy()
        query[ROWS] = ".".join(row.key for row in rows)
        if rows and not found.newer_query:
            query[NEWEST] = str(PageKey.of(rows[0].task))
        address = reverse("admin:django_tasks_poc_task_list_live", current_app=self.admin_site.name)
        return {
            "rows": rows, "notes": notes(found.root_queryset.db), "state": found.spec(StateFilter).value(),
            "selects": [
                _select(found, NodeFilter, _("Node"), found.spec(NodeFilter).everything()),
                _select(found, AgeFilter, _("Built"), _("Any time")),
            ],
            "live_url": f"{address}?{query.urlencode()}",
        }  # fmt: skip

    def list_live_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with what may have changed of the rows that the address names, or that nothing has."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found: Any = self.get_changelist_instance(request)  # a TaskList
        rows = found.rows(self.admin_site.name)
        here = {row.key for row in rows}
        asked = request.GET.get(ROWS, "").split(".")[: self.list_per_page]
        context = {
            "rows": rows, "gone": [key for key in asked if _is_key(key) and key not in here],
            "notes": notes(found.root_queryset.db), "chips": found.chips(), "newer": found.newer_than(request),
            "first_url": f"{reverse('admin:django_tasks_poc_task_changelist', current_app=self.admin_site.name)}"
            f"{found.get_query_string()}",
        }  # fmt: skip
        response = TemplateResponse(request, f"{_TEMPLATES}_list_live.html", context).render()
        set_response_etag(response)
        return get_conditional_response(request, etag=response["ETag"], response=response) or response


def _is_key(text: str) -> bool:
    try:
        return UUID(text).hex == text
    except ValueError:
        return False


def _select(found: TaskList, kind: type[Any], label: str, anything: str) -> dict[str, Any]:
    spec = found.spec(kind)
    return {
        "name": spec.parameter_name, "label": label, "any": anything, "value": spec.value() or "",
        "choices": spec.lookup_choices,
    }  # fmt: skip
