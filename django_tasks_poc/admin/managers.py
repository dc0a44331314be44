"""Managers and nodes in the admin: one page, which keeps itself up to date."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.cache import get_conditional_response, set_response_etag
from django.utils.translation import gettext_lazy as _

from ..models import ManagerProcess
from .crew import crew
from .read_only import ReadOnlyAdmin

_TEMPLATES = "admin/django_tasks_poc/managerprocess/"


@admin.register(ManagerProcess)
class ManagerProcessAdmin(ReadOnlyAdmin):
    """Shows which managers and nodes there are, in all databases; which live, and what waits for them."""

    class Media:
        css = {"all": ("django_tasks_poc/list.css",)}

    def get_urls(self) -> list[URLPattern]:
        live = self.admin_site.admin_view(self.live_view)
        return [path("live/", live, name="django_tasks_poc_managerprocess_live"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        self._permit(request)
        address = reverse("admin:django_tasks_poc_managerprocess_live", current_app=self.admin_site.name)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "media": self.media, "crew": crew(),
            "title": _("Managers and nodes"), "live_url": address, **(extra_context or {}),
        }  # fmt: skip
        request.current_app = self.admin_site.name
        return TemplateResponse(request, f"{_TEMPLATES}change_list.html", context)

    def live_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with the tables as they are now, or that nothing has changed."""
        self._permit(request)
        response = TemplateResponse(request, f"{_TEMPLATES}_live.html", {"crew": crew()}).render()
        set_response_etag(response)
        return get_conditional_response(request, etag=response["ETag"], response=response) or response

    def _permit(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied
