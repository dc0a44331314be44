"""The addresses behind the page of a task: branches of the tree, stages, and texts to be downloaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.cache import get_conditional_response, set_response_etag
from django.utils.translation import gettext as _

from ...models import Task, TaskStage
from ...node import databases
from ...texts import amount, one_line
from ...viewer import find_task
from ..task_page import task_page
from ..values import masked
from .branch import DEEPEST, Urls, branch_of
from .live import live_branches
from .panel import DOWNLOADS, stage_panel
from .stage_page import stage_page

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

#: What may be large and is on no part of a page that is kept up to date.
UNSEEN = ("shared", "response")

_TEMPLATES = "admin/django_tasks_poc/task/"


class TreeMixin(ModelAdmin):
    """What the admin of tasks answers besides the page itself; all of it to those who may view tasks."""

    def get_urls(self) -> list[URLPattern]:
        ours = [
            path(f"{route}/", self.admin_site.admin_view(self._viewing(view)), name=f"django_tasks_poc_task_{name}")
            for route, view, name in (
                ("<uuid:task>/branch", self.branch_view, "branch"),
                ("<uuid:task>/live", self.live_view, "live"),
                ("<uuid:task>/find", self.find_view, "find"),
                ("<uuid:task>/download/<str:what>", self.task_download_view, "task_download"),
                ("stage/<uuid:stage>", self.stage_view, "stage"),
                ("stage/<uuid:stage>/open", self.open_view, "open"),
                ("stage/<uuid:stage>/panel", self.panel_view, "panel"),
                ("stage/<uuid:stage>/download/<str:what>", self.stage_download_view, "stage_download"),
            )
        ]
        return [*ours, *super().get_urls()]

    def tree_url(self, name: str, *arguments: Any) -> str:
        """Return one of our addresses."""
        name = f"admin:django_tasks_poc_task_{name}"
        return reverse(name, args=arguments, current_app=self.admin_site.name)

    def branch_urls(self) -> Urls:
        """Return what makes the addresses in a branch."""

        def of(name: str) -> Callable[[UUID], str]:
            return lambda key: self.tree_url(name, key)

        return Urls(
            task=of("change"), stage=of("stage"), branch=of("branch"), find=of("find"),
            open=lambda key, level: f"{self.tree_url('open', key)}?level={level}",
        )  # fmt: skip

    def task_context(self, request: HttpRequest, task: Task) -> dict[str, Any]:
        """Return what the page of a task shows beside its tree."""
        return {"page": task_page(task, self.branch_urls().task)}

    def tree_context(self, request: HttpRequest, task: Task) -> dict[str, Any]:
        """Return what the page of a task shows, its tree with it."""
        download = self.tree_url("task_download", task.uuid, "x").removesuffix("x/")
        branch = branch_of(task, request.GET, 1, self.branch_urls())
        live = self.tree_url("live", task.uuid) if task.finished_at is None else ""
        context = {"branch": branch, "is_page": True, "download": download, "live_url": live}
        return self.task_context(request, task) | context

    # The views.

    def branch_view(self, request: HttpRequest, task: UUID) -> HttpResponse:
        """Answer with a branch, or with more rows of it."""
        found = _task(task, *UNSEEN)
        level = _level(request)
        branch = branch_of(found, request.GET, level, self.branch_urls())
        template = "_branch_rows.html" if "rows" in request.GET else "_branch.html"
        return self._fragment(request, template, branch=branch, is_page=level == 1)

    def live_view(self, request: HttpRequest, task: UUID) -> HttpResponse:
        """Answer with what may have changed on the page, or that nothing has."""
        found, urls = _task(task, *UNSEEN), self.branch_urls()
        context = self.task_context(request, found) | {"live": live_branches(found, request.GET, urls)}
        response = self._fragment(request, "_live_parts.html", **context).render()
        response["X-Task-Finished"] = context["page"].finished
        set_response_etag(response)
        return get_conditional_response(request, etag=response["ETag"], response=response) or response

    def open_view(self, request: HttpRequest, stage: UUID) -> HttpResponse:
        """Answer with what is under a stage: the branch of the nested task that it waited for, else its panel."""
        found = _stage(stage)
        nested = Task.objects.using(found._state.db).visible().filter(parent_stage_id=stage)
        task = nested.order_by("-created_at", "-uuid").first()
        if task is None:
            return self.panel_view(request, stage)
        level = _level(request) + 1
        if level > DEEPEST:
            return self._fragment(request, "_deep.html", **self._deep(task, level))
        branch = branch_of(task, {}, level, self.branch_urls())
        return self._fragment(request, "_kids.html", branch=branch, is_page=False)

    def panel_view(self, request: HttpRequest, stage: UUID) -> HttpResponse:
        found = _stage(stage)
        panel = stage_panel(found, request.GET, self.branch_urls().task)
        return self._fragment(request, "_panel.html", panel=panel, links=self._links(stage))

    def stage_view(self, request: HttpRequest, stage: UUID) -> HttpResponse:
        """Answer with the page of a stage."""
        found = _stage(stage)
        context = {
            **self.admin_site.each_context(request), "opts": self.opts, "media": self.media, "is_page": True,
            "links": self._links(stage), **stage_page(found, request.GET, self.branch_urls()),
        }  # fmt: skip
        request.current_app = self.admin_site.name
        return TemplateResponse(request, f"{_TEMPLATES}stage.html", context)

    def find_view(self, request: HttpRequest, task: UUID) -> HttpResponse:
        """Go to the stage of that number, or to the stage or the task of that uuid."""
        found, wish = _task(task), request.GET.get("q", "").strip()
        page = self.tree_url("change", task)
        if (number := _number(wish, found.total_count)) is not None:
            return HttpResponseRedirect(f"{page}?from={number}")
        try:
            key = UUID(wish)
        except ValueError:
            pass
        else:
            if find_stage(key) is not None:
                return redirect(self.tree_url("stage", key))
            if find_task(key) is not None:
                return redirect(self.tree_url("change", key))
        words = _("There is no stage “%(wish)s” here. Give a number from 1 to %(count)s, or the uuid of a stage.")
        self.message_user(
            request, words % {"wish": one_line(wish, 60), "count": amount(found.total_count)}, messages.WARNING
        )
        return redirect(page)

    def stage_download_view(self, request: HttpRequest, stage: UUID, what: str) -> HttpResponse:
        if what not in DOWNLOADS:
            raise Http404
        return _download(getattr(_stage(stage), what), f"{what}-{stage}.json")

    def task_download_view(self, request: HttpRequest, task: UUID, what: str) -> HttpResponse:
        if what not in ("shared", "response"):
            raise Http404
        return _download(getattr(_task(task), what), f"{what}-{task}.json")

    # What they share.

    def _viewing(self, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        """Let those in who may view tasks; say kindly that something is gone."""

        def answer(request: HttpRequest, **arguments: Any) -> HttpResponse:
            if not self.has_view_permission(request):
                raise PermissionDenied
            try:
                return view(request, **arguments)
            except Http404:
                return self._gone(request)

        return answer

    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        """Show the page of a task; say kindly that it went while it was read."""
        try:
            return super().changeform_view(request, *args, **options)
        except Http404:
            return self._gone(request)

    def _gone(self, request: HttpRequest) -> HttpResponse:
        if request.headers.get("HX-Request"):
            return self._fragment(request, "_gone.html", status=404)
        self.message_user(request, _("This is not here, or not any more: perhaps it was purged."), messages.WARNING)
        return redirect(self.tree_url("changelist"))

    def _fragment(self, request: HttpRequest, template: str, status: int = 200, **context: Any) -> TemplateResponse:
        response = TemplateResponse(request, f"{_TEMPLATES}{template}", context, status=status)
        response["Cache-Control"] = "no-store"
        return response

    def _links(self, stage: UUID) -> dict[str, str]:
        download = self.tree_url("stage_download", stage, "x").removesuffix("x/")
        return {"page": self.tree_url("stage", stage), "panel": self.tree_url("panel", stage), "download": download}

    def _deep(self, task: Task, level: int) -> dict[str, Any]:
        return {"level": level, "url": self.tree_url("change", task.uuid), "title": one_line(task.title, 120)}


def find_stage(key: UUID) -> TaskStage | None:
    """Return the stage, with its task, from whichever database has it; None for one that nobody may see."""
    for alias in databases():
        stages = TaskStage.objects.using(alias).select_related("task")
        stage = stages.defer("task__shared", "task__response").filter(uuid=key).first()
        if stage is not None:
            return stage if Task.objects.using(alias).visible().filter(uuid=stage.task_id).exists() else None
    return None


def _task(key: UUID, *without: str) -> Task:
    if (task := find_task(key, *without)) is None:
        raise Http404
    return task


def _stage(key: UUID) -> TaskStage:
    if (stage := find_stage(key)) is None:
        raise Http404
    return stage


def _number(text: str, most: int) -> int | None:
    """Return the number from 1 to ``most`` that somebody typed, with or without its groups of digits."""
    digits = "".join(text.replace(",", "").split())
    if not (digits.isascii() and digits.isdigit() and len(digits) < 12):
        return None
    return number if 1 <= (number := int(digits)) <= most else None


def _level(request: HttpRequest) -> int:
    """Return the level that the address names; a wrong one is the first."""
    text = request.GET.get("level", "")
    return min(max(int(text[:4]), 1), DEEPEST) if text.isascii() and text.isdigit() else 1


def _download(text: str, name: str) -> HttpResponse:
    response = HttpResponse(masked(text)[0], content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
