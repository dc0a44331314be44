"""The filters of the task list, cheap at any size."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import Min, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..node import databases, nodes
from ..states import OPEN, State

#: What a person means by a word: a task that waits for its nested task runs.
_STATES: dict[str, tuple[Any, tuple[State, ...]]] = {
    "open": (_("Open"), tuple(sorted(OPEN - {State.PROMISED}))),
    "RUNNING": (State.RUNNING.label, (State.RUNNING, State.WAITING)),
    **{state: (state.label, (state,)) for state in State if state.is_final or state in (State.READY, State.PAUSED)},
}

_AGES: dict[str, tuple[Any, timedelta]] = {
    "hour": (_("Past hour"), timedelta(hours=1)),
    "day": (_("Past 24 hours"), timedelta(days=1)),
    "week": (_("Past 7 days"), timedelta(days=7)),
}


class StateFilter(SimpleListFilter):
    """By state."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        return [(name, label) for name, (label, _states) in _STATES.items() if name != State.SKIPPED]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found = _STATES.get(self.value() or "")
        return queryset.filter(state__in=found[1]) if found else queryset


class AgeFilter(SimpleListFilter):
    """By when the task was built."""

    title = _("built")
    parameter_name = "built"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, Any]]:
        return [(name, label) for name, (label, _age) in _AGES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found = _AGES.get(self.value() or "")
        return queryset.filter(created_at__gte=timezone.now() - found[1]) if found else queryset


class NodeFilter(SimpleListFilter):
    """By node, and so by database: a list is of one database, that of the chosen node.

    Without a choice it names all nodes there, so that the index, which begins with the node, serves the list.
    """

    title = _("node")
    parameter_name = "node"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        rows = model_admin.get_queryset(request).order_by()
        self.alias, self.labels = rows.db, _labels(rows)
        return [(label, label) for label in sorted({*nodes, *self.labels})]

    def everything(self) -> str:
        """Say what is listed without a choice."""
        if len(databases()) > 1:
            return gettext("All in %(database)s") % {"database": self.alias}
        return gettext("Any node")

    def choices(self, changelist: Any) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        yield from ({**first, "display": self.everything()}, *others)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(node__in=[value] if (value := self.value()) else self.labels)


def _labels(tasks: QuerySet[Any]) -> list[str]:
    """Return the nodes that tasks are of, by one look into the index for each."""
    labels: list[str] = []
    while (
        found := tasks.filter(node__gt=labels[-1] if labels else "").aggregate(Min("node"))["node__min"]
    ) is not None:
        labels.append(found)
    return labels
