"""The list of root tasks, a page at a time by key, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from ..models import Task
from ..states import OPEN, State
from ..texts import amount
from .filters import AgeFilter, NodeFilter, StateFilter
from .page_key import PageKey
from .task_rows import TaskRow, task_rows

#: The page older, or newer, than the row of a key; what a page that is open tells of itself.
OLDER, NEWER, NEWEST, ROWS = "older", "newer", "newest", "rows"
_OURS = (OLDER, NEWER, NEWEST, ROWS)
#: More newer tasks than this are not counted.
_NEWER_LIMIT = 100
_ICONS: dict[str, str] = {"open": "running", **{state.value: state.value.lower() for state in State}}


@dataclass(frozen=True)
class Chip:
    """A choice of state; ``count`` is empty for those whose number is not known cheaply."""

    label: str
    query: str
    is_current: bool
    icon: str
    count: str


class TaskList(ChangeList):
    """Root tasks; each with the nested task that it waits for at hand, whose counts say more than its own.

    With ``rows`` in the address it is of these tasks alone, for a page that is open: nothing on it moves.
    """

    older_query = newer_query = ""
    is_key_wrong = False

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        found: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in _OURS}

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        return str(super().get_query_string(new_params, [*(remove or ()), *_OURS]))

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        found = super().get_queryset(request, exclude_parameters)
        return found.filter(depth=0).defer("shared", "response", "options")

    def get_results(self, request: HttpRequest) -> None:
        if ROWS in request.GET:
            keys = list(islice(_uuids(request.GET[ROWS]), self.list_per_page))
            roots = self.root_queryset.order_by().filter(depth=0, uuid__in=keys)
            tasks = list(roots.defer("shared", "response", "options"))
        else:
            tasks = self._page(request)
        self.result_list = tasks
        self.result_count = self.full_result_count = len(tasks)
        self.can_show_all = self.multi_page = self.show_full_result_count = False
        self.show_admin_actions = True

    def _page(self, request: HttpRequest) -> list[Task]:
        """Read one row more than a page has, and so know whether there are more."""
        size, older, newer = self.list_per_page, self._key(request, OLDER), self._key(request, NEWER)
        if older is None and newer is not None:
            rows = self._merged(newer.newer(), size + 1, ascending=True)
            tasks = rows[:size][::-1]
            has_newer, has_older = len(rows) > size, True
            if len(tasks) < size:  # The first page is whole.
                return self._first(size)
        elif older is not None:
            rows = self._merged(older.older(), size + 1)
            tasks, has_newer, has_older = rows[:size], True, len(rows) > size
        else:
            return self._first(size)
        self._link(tasks, has_newer=has_newer, has_older=has_older)
        return tasks

    def _first(self, size: int) -> list[Task]:
        rows = self._merged(None, size + 1)
        self._link(rows[:size], has_newer=False, has_older=len(rows) > size)
        return rows[:size]

    def _link(self, tasks: list[Task], *, has_newer: bool, has_older: bool) -> None:
        if not tasks:
            self.newer_query = self.get_query_string() if has_newer else ""
            return
        self.newer_query = self.get_query_string({NEWER: PageKey.of(tasks[0])}) if has_newer else ""
        self.older_query = self.get_query_string({OLDER: PageKey.of(tasks[-1])}) if has_older else ""

    def _key(self, request: HttpRequest, name: str) -> PageKey | None:
        if name not in request.GET:
            return None
        try:
            return PageKey.parse(request.GET[name])
        except ValueError:
            self.is_key_wrong = True
            return None

    def _merged(self, where: Any, count: int, *, ascending: bool = False) -> list[Task]:
        """Return the first of all nodes: each is asked by itself, so that the index gives its rows in order."""
        order = ("created_at", "uuid") if ascending else ("-created_at", "-uuid")
        rows = self.queryset.filter(where) if where is not None else self.queryset
        found = [task for label in self.labels for task in rows.filter(node=label).order_by(*order)[:count]]
        if len(self.labels) > 1:
            found.sort(key=lambda task: (task.created_at, task.uuid), reverse=not ascending)
        return found[:count]

    # What the template asks for.

    @property
    def labels(self) -> list[str]:
        """The nodes that are shown."""
        spec = self.spec(NodeFilter)
        return [value] if (value := spec.value()) else spec.labels

    def spec(self, kind: type[Any]) -> Any:
        return next(spec for spec in self.filter_specs if isinstance(spec, kind))

    def rows(self, site: str) -> list[TaskRow]:
        """Return what the list shows of its tasks; ``site`` is the name of the admin site."""
        return task_rows(list(self.result_list), self.root_queryset.db, site)

    def chips(self) -> list[Chip]:
        """Return the states to choose from, with the number of those that a small index counts."""
        counts = self._open_counts()
        names = [""] + [name for name, _label in self.spec(StateFilter).lookup_choices]
        return [
            Chip(choice["display"], choice["query_string"], choice["selected"], _ICONS.get(name, ""), counts[name])
            if name in counts
            else Chip(choice["display"], choice["query_string"], choice["selected"], _ICONS.get(name, ""), "")
            for name, choice in zip(names, self.spec(StateFilter).choices(self), strict=True)
        ]

    def _open_counts(self) -> dict[str, str]:
        # What is open is never being purged, and a root is never promised: the index knows all.
        roots = Task.objects.using(self.root_queryset.db).filter(node__in=self.labels, depth=0, state__in=OPEN)
        found = dict(roots.order_by().values_list("state").annotate(Count("pk")))
        return {"open": amount(sum(found.values())), State.PAUSED: amount(found.get(State.PAUSED, 0))}

    def is_filtered(self) -> bool:
        return bool(self.query or any(self.spec(kind).value() for kind in (StateFilter, NodeFilter, AgeFilter)))

    def chosen(self) -> list[str]:
        """Return the words of what is chosen."""
        words = [
            str(label)
            for kind in (StateFilter, NodeFilter, AgeFilter)
            for name, label in self.spec(kind).lookup_choices
            if name == self.spec(kind).value()
        ]
        return [*words, f"“{self.query}”"] if self.query else words

    def newer_than(self, request: HttpRequest) -> str:
        """Say how many tasks were built since the page was read, behind the key that it names; empty for none."""
        key = self._key(request, NEWEST)
        if key is None:
            return ""
        count = len(self._merged(key.newer(), _NEWER_LIMIT, ascending=True))
        return "" if not count else f"{amount(count)}+" if count == _NEWER_LIMIT else amount(count)


def _uuids(text: str) -> Iterator[UUID]:
    for word in text.split("."):
        try:
            yield UUID(word)
        except ValueError:
            continue
