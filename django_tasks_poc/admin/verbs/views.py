"""The addresses of the verbs of one task: a GET asks, a POST acts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ...models import Task
from ...texts import one_line
from ...viewer import find_task
from ..task_page import counted_of
from ..tree import TreeMixin
from ..tree.crumbs import crumbs_of
from .acting import act
from .buttons import buttons_of
from .confirmation import confirmation
from .log import log
from .reason import ReasonForm
from .report import Report, gone
from .told import told
from .verb import Verb

_TEMPLATE = "admin/django_tasks_poc/task/confirm.html"


class VerbMixin(TreeMixin):
    """Gives the admin of tasks the verbs, each under a permission of its own besides that to view tasks."""

    class Media:
        css = {"all": ("django_tasks_poc/verbs.css",)}

    def get_urls(self) -> list[URLPattern]:
        ours = [
            path(
                f"<uuid:task>/{verb}/",
                self.admin_site.admin_view(self._acting(verb)),
                name=f"django_tasks_poc_task_{verb}",
            )
            for verb in Verb
        ]
        return [*ours, *super().get_urls()]

    def has_pause_permission(self, request: HttpRequest) -> bool:
        return self._has_right(request, "pause")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return self._has_right(request, "cancel")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return self._has_right(request, "retry")

    def has_purge_permission(self, request: HttpRequest) -> bool:
        return self._has_right(request, "purge")

    def _has_right(self, request: HttpRequest, right: str) -> bool:
        """Say whether the user has a right on tasks; to see them is needed for each."""
        return self.has_view_permission(request) and request.user.has_perm(f"{self.opts.app_label}.{right}_task")

    def rights(self, request: HttpRequest) -> set[Verb]:
        """Return what the user may do to tasks."""
        return {verb for verb in Verb if getattr(self, f"has_{verb.right}_permission")(request)}

    def task_context(self, request: HttpRequest, task: Task) -> dict[str, Any]:
        """Return what the page of a task shows beside its tree, with the buttons."""
        context = super().task_context(request, task)
        back, query = self._page_of(request, task), ""
        if back != self.tree_url("change", task.uuid):
            query = f"?next={back}"

        def url(verb: Verb) -> str:
            return self.tree_url(verb, task.uuid) + (query if verb.asks else "")

        rights = self.rights(request)
        buttons = buttons_of(task, context["page"].counted, rights, url)
        return context | {"buttons": buttons, "rights": rights, "next": back}

    def _page_of(self, request: HttpRequest, task: Task) -> str:
        """Return the page of the task that is shown, or kept up to date, by the request."""
        match = request.resolver_match
        is_timeline = match is not None and "_timeline" in (match.url_name or "")
        return self.tree_url("timeline" if is_timeline else "change", task.uuid)

    def _acting(self, verb: Verb) -> Callable[..., HttpResponse]:
        return never_cache(require_http_methods(["GET", "HEAD", "POST"])(partial(self.verb_view, verb=verb)))

    def verb_view(self, request: HttpRequest, task: UUID, verb: Verb) -> HttpResponse:
        """Ask, or act and go back to the page that the button was on."""
        if verb not in self.rights(request):
            raise PermissionDenied
        found = find_task(task)
        if found is None:
            self.message_user(request, gone(), messages.WARNING)
            return redirect(self.tree_url("changelist"))
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            try:
                return self.ask(request, verb, [found], form, self.back(request, self.tree_url("change", task)))
            except Http404:  # a task above it went while the page was made
                return self._gone(request)
        report = self.act(request, verb, [found], form)
        is_gone = verb == Verb.PURGE and report.done
        return redirect(self.tree_url("changelist") if is_gone else self.back(request, self.tree_url("change", task)))

    def act(self, request: HttpRequest, verb: Verb, tasks: list[Task], form: ReasonForm) -> Report:
        """Do it, keep in the history of the admin who did it, and say what came of it."""
        reason = form.cleaned_data["reason"]
        report = act(verb, tasks, reason, request.user.get_username())
        log(request, verb, report.done, reason)
        for level, words in told(verb, report):
            self.message_user(request, words, level)
        return report

    def ask(
        self, request: HttpRequest, verb: Verb, tasks: list[Task], form: ReasonForm, back: str, **more: Any
    ) -> HttpResponse:
        """Answer with the page that asks."""
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "media": self.media, "form": form,
            "back": back, "asked": confirmation(verb, tasks), **(self._one(*tasks) if len(tasks) == 1 else {}), **more,
        }  # fmt: skip
        request.current_app = self.admin_site.name
        return TemplateResponse(request, _TEMPLATE, context, status=400 if form.errors else 200)

    def _one(self, task: Task) -> dict[str, Any]:
        """Return what the page has besides when it asks about one task: the way up to it, and its bar."""
        change = self.branch_urls().task
        crumbs = crumbs_of(task, task._state.db or "default", change)
        return {
            "task_url": change(task.uuid), "task_title": one_line(task.title, 60), "crumbs": crumbs,
            "is_deep": task.depth > len(crumbs), "counted": counted_of(task),
        }  # fmt: skip

    def back(self, request: HttpRequest, otherwise: str) -> str:
        """Return the page to go back to: the one that is named, if it is of this host."""
        wish = request.POST.get("next") or request.GET.get("next") or ""
        if url_has_allowed_host_and_scheme(wish, {request.get_host()}, require_https=request.is_secure()):
            return wish
        return otherwise
