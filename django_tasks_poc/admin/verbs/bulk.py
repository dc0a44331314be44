"""The verbs as actions of the list: they ask about the chosen tasks, and then act on one after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache

from ...models import Task
from ...node import databases
from ...texts import amount
from .reason import ReasonForm
from .texts import TEXTS
from .verb import Verb
from .views import VerbMixin

#: Tasks at once: each is a transaction, and somebody waits for all of them.
MOST = 1000


def _action(verb: Verb) -> Callable[[BulkMixin, HttpRequest, QuerySet[Any]], HttpResponse]:
    """Return the action as Django's admin takes it."""

    @admin.action(description=TEXTS[verb].action, permissions=[verb.right])
    def ask(site: BulkMixin, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        return site.ask_about_all(request, verb, list(queryset[: MOST + 1]), ReasonForm(), request.get_full_path())

    ask.__name__ = f"{verb}_tasks"
    return ask


class BulkMixin(VerbMixin):
    """Gives the list of tasks the verbs that the user has the right to."""

    actions: Any = tuple(_action(verb) for verb in Verb)

    def get_urls(self) -> list[URLPattern]:
        ours = [
            path(f"all/{verb}/", self.admin_site.admin_view(self._bulk(verb)), name=f"django_tasks_poc_task_all_{verb}")
            for verb in Verb
        ]
        return [*ours, *super().get_urls()]

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *where: Any, **place: Any) -> Any:
        try:
            return super().response_action(request, queryset, *where, **place)
        except ValidationError:  # a key that is none
            return self._to_list(request, _("Choose the tasks in the list."))

    def ask_about_all(
        self, request: HttpRequest, verb: Verb, tasks: list[Task], form: ReasonForm, back: str
    ) -> HttpResponse:
        """Answer with the page that asks about several tasks of one database; ``back`` is the list, as it was."""
        if len(tasks) > MOST:
            return self._to_list(request, _too_many())
        if not tasks:
            return self._to_list(request, _none())
        keys, address = " ".join(task.uuid.hex for task in tasks), self.tree_url(f"all_{verb}")
        return self.ask(request, verb, tasks, form, back, keys=keys, address=address)

    def _bulk(self, verb: Verb) -> Callable[..., HttpResponse]:
        return never_cache(partial(self.bulk_view, verb=verb))

    def bulk_view(self, request: HttpRequest, verb: Verb) -> HttpResponse:
        """Act on the tasks that the page has asked about."""
        if verb not in self.rights(request):
            raise PermissionDenied
        keys = set(islice(_uuids(request.POST.get("tasks", "")), MOST + 1))
        if not keys:
            return self._to_list(request, _("Choose the tasks in the list."))
        if len(keys) > MOST:
            return self._to_list(request, _too_many())
        groups = _found(keys)
        form = ReasonForm(request.POST)
        if not groups:
            return self._to_list(request, _none())
        if not form.is_valid():
            return self.ask_about_all(request, verb, groups[0], form, self._list(request))
        for tasks in groups:
            self.act(request, verb, tasks, form)
        if missing := len(keys) - sum(map(len, groups)):
            words = ngettext(
                "%(count)s task is not here any more: perhaps it was purged.",
                "%(count)s tasks are not here any more: perhaps they were purged.",
                missing,
            )
            self.message_user(request, words % {"count": amount(missing)}, messages.WARNING)
        return redirect(self._list(request))

    def _to_list(self, request: HttpRequest, words: str) -> HttpResponse:
        self.message_user(request, words, messages.WARNING)
        return redirect(self._list(request))

    def _list(self, request: HttpRequest) -> str:
        return self.back(request, self.tree_url("changelist"))


def _uuids(text: str) -> Iterable[UUID]:
    """Yield what can be read."""
    for word in text.split():
        try:
            yield UUID(word)
        except ValueError:
            continue


def _found(keys: set[UUID]) -> list[list[Task]]:
    """Return the tasks, the newest first, each database by itself."""
    groups: dict[str, list[Task]] = defaultdict(list)
    for alias in databases():
        rows = Task.objects.using(alias).visible().filter(uuid__in=keys)
        groups[alias] += rows.defer("shared", "response", "options").order_by("-created_at", "-uuid")
    return [tasks for tasks in groups.values() if tasks]


def _too_many() -> str:
    return _("At most %(count)s tasks at once: choose fewer, or filter the list.") % {"count": amount(MOST)}


def _none() -> str:
    return _("None of these tasks is here any more: perhaps they were purged.")
