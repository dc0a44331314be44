"""What all our admin pages share: they show, and change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.text import capfirst

from ..node import EntityNode, databases, nodes
from ..storage.orm.schema import not_migrated
from .filters import NodeFilter

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


class ReadOnlyAdmin(ModelAdmin):
    """An admin under the stock view permission, without add, change, delete and actions."""

    actions: Any = None
    sortable_by = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50

    class Media:
        css = {"all": ("django_tasks_poc/admin.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows of the node's database: every query of a page starts here, or from the ``db`` of this."""
        return super().get_queryset(request).using(self.node(request).database)

    def node(self, request: HttpRequest) -> EntityNode:
        """Return the node whose database is shown: the one that the filter names, else the first."""
        chosen = request.GET.get(NodeFilter.parameter_name, "")
        return nodes[chosen if chosen in nodes else next(iter(databases().values()))[0]]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = {"title": capfirst(self.opts.verbose_name_plural)}
        try:
            return super().changelist_view(request, {**title, **(extra_context or {})})
        except DatabaseError as error:
            return self._without_tables(request, error)

    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **options)
        except DatabaseError as error:
            return self._without_tables(request, error)

    def _without_tables(self, request: HttpRequest, error: DatabaseError) -> HttpResponse:
        """Say on the index page what is to be done where our tables are missing; any other error is raised again."""
        known = not_migrated(self.node(request).database, error)
        if known is None:
            raise error
        self.message_user(request, str(known), messages.ERROR)
        return redirect(reverse("admin:index", current_app=self.admin_site.name))

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Allow our filters only: a lookup on a column would tell, letter by letter, what the pages mask."""
        names = [getattr(item, "parameter_name", None) for item in self.list_filter]
        return lookup in names

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
