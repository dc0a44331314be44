"""The address of a task's timeline, under the permission to view tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext

from ...models import Task
from ...texts import one_line, visible
from ..badges import task_badge
from ..sentence import sentence
from ..tabs import tabs
from .page import timeline

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


class TimelineMixin(ModelAdmin):
    """Gives the admin of tasks the page with the timeline and the charts of one."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.timeline_view)
        return [path("<path:object_id>/timeline/", view, name="django_tasks_poc_task_timeline"), *super().get_urls()]

    def timeline_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the timeline of a task."""
        task: Task | None = self.get_object(request, object_id)
        if not self.has_view_permission(request, task):
            raise PermissionDenied
        if task is None:
            raise Http404(gettext("There is no task %(uuid)s.") % {"uuid": one_line(object_id)})
        alias, site = task._state.db or "default", self.admin_site.name
        name = "admin:django_tasks_poc_task_change"
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts, "media": self.media, "original": task, "task": task,
            "title": gettext("Timeline of %(title)s") % {"title": one_line(task.title, 80)},
            "heading": visible(task.title), "badge": task_badge(task.state), "sentence": sentence(task, alias),
            "tabs": tabs(task.uuid, "timeline", site), "is_open": task.finished_at is None,
            "page": timeline(task, alias, lambda uuid: reverse(name, args=[uuid], current_app=site)),
        }  # fmt: skip
        return TemplateResponse(request, "admin/django_tasks_poc/task/timeline.html", context)
