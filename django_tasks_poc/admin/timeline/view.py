"""The addresses of a task's timeline, under the permission to view tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.cache import get_conditional_response, set_response_etag
from django.utils.translation import gettext

from ...models import Task
from ...texts import one_line
from ...viewer import find_task
from ..tabs import tabs
from ..tree import TreeMixin
from ..tree.views import UNSEEN
from .page import timeline
from .rows import Links

_TEMPLATES = "admin/django_tasks_poc/task/"


class TimelineMixin(TreeMixin):
    """Gives the admin of tasks the page with the timeline and the charts of one."""

    def get_urls(self) -> list[URLPattern]:
        ours = [
            path(f"<uuid:task>/{route}/", self.admin_site.admin_view(view), name=f"django_tasks_poc_task_{name}")
            for route, view, name in (
                ("timeline", self.timeline_view, "timeline"),
                ("timeline/live", self.timeline_live_view, "timeline_live"),
            )
        ]
        return [*ours, *super().get_urls()]

    def timeline_view(self, request: HttpRequest, task: UUID) -> HttpResponse:
        """Show the timeline of a task."""
        found = self._task(request, task)
        site = self.admin_site.name
        context = {
            **self.admin_site.each_context(request), **self._timeline_context(request, found),
            "opts": self.opts, "media": self.media,
            "title": gettext("Timeline of %(title)s") % {"title": one_line(found.title, 80)},
            "tabs": tabs(found.uuid, "timeline", site),
            "change_url": _address("change", site)(found.uuid),
            "live_url": "" if found.finished_at is not None else _address("timeline_live", site)(found.uuid),
        }  # fmt: skip
        request.current_app = site
        return TemplateResponse(request, f"{_TEMPLATES}timeline.html", context)

    def timeline_live_view(self, request: HttpRequest, task: UUID) -> HttpResponse:
        """Answer with what may have changed on the page of the timeline, or that nothing has."""
        context = self._timeline_context(request, self._task(request, task))
        response = TemplateResponse(request, f"{_TEMPLATES}_timeline_parts.html", context).render()
        response["Cache-Control"] = "no-store"
        response["X-Task-Finished"] = context["page"].finished
        set_response_etag(response)
        return get_conditional_response(request, etag=response["ETag"], response=response) or response

    def _task(self, request: HttpRequest, uuid: UUID) -> Task:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if (task := find_task(uuid, *UNSEEN)) is None:
            raise Http404(gettext("There is no task %(uuid)s.") % {"uuid": uuid})
        return task

    def _timeline_context(self, request: HttpRequest, task: Task) -> dict[str, Any]:
        """Return what changes while the task is open."""
        site = self.admin_site.name
        links = Links(task=_address("change", site), stage=_address("stage", site))
        return self.task_context(request, task) | {"timeline": timeline(task, task._state.db or "default", links)}


def _address(name: str, site: str) -> Callable[[UUID], str]:
    return lambda key: reverse(f"admin:django_tasks_poc_task_{name}", args=[key], current_app=site)
