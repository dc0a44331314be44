"""The pages of the demo: send a table, watch its import, fetch what was rejected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import msgspec
from django.contrib import messages
from django.core.handlers.asgi import ASGIRequest
from django.core.paginator import Paginator
from django.db import transaction
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.http.request import UnreadablePostError
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from django_tasks_poc import State, TaskBusy, TaskExists
from django_tasks_poc.exceptions import TaskNotFound
from django_tasks_poc.models import Task

from .forms import UploadForm
from .handlers.import_table import build_import
from .imports import imports, look_at, seen
from .models import Report
from .results import rejects_name, result_of
from .tables import TableError
from .uploads import Receiver, is_too_large, receiving, too_large

LISTED = 10  # imports on a page of the list
PIECE = 64 * 1024  # bytes

VERBS: dict[str, Callable[..., object]] = {
    "pause": Task.pause,
    "resume": Task.resume,
    "cancel": Task.cancel,
    "retry": Task.retry_failed,
}


class SeeOther(HttpResponseRedirect):
    """What a POST that did something answers: the page that shows it."""

    status_code = 303


@csrf_exempt  # looking for the token would take in the whole file first: upload() is protected
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponseBase:
    """Show the form and the latest imports; take a table in."""
    if request.method != "POST":
        return start_page(request, UploadForm())
    if is_too_large(request):
        return refuse_unread(request)
    with receiving(request) as receiver:
        return upload(request, receiver)


@csrf_protect
def upload(request: HttpRequest, receiver: Receiver) -> HttpResponse:
    """Build the import of the table that came, or say what is wrong with it."""
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return start_page(request, form, status=400)
    table = form.cleaned_data["table"]
    try:
        with transaction.atomic():
            task = build_import(table.path, name=table.name, unique_key=f"upload:{table.digest}", by=who(request))
    except TableError as error:
        form.refuse(error)
        return start_page(request, form, status=400)
    except TaskExists as exists:
        link = '<a href="{}">See how far it is</a>, or wait for its end to import the table once more.'
        there = format_html(link, page_of(exists.uuid))
        form.add_error("table", format_html("This very table is being imported already. {}", there))
        return start_page(request, form, status=409)
    receiver.is_kept = True
    return SeeOther(page_of(task.uuid))


def refuse_unread(request: HttpRequest) -> HttpResponseBase:
    """Answer that the file is too large, then let the rest of it pass by.

    Who sends a file must not lose the answer with the connection, and none of the file must pile up anywhere.
    """
    page = start_page(request, UploadForm(), status=413, error=too_large())
    if isinstance(request, ASGIRequest):  # was read before we were asked
        return page

    def content() -> Iterator[bytes]:
        yield page.content
        try:
            while request.read(PIECE):
                pass
        except UnreadablePostError:  # whoever sent it has read the answer
            return

    return StreamingHttpResponse(content(), status=page.status_code, headers={"Content-Length": len(page.content)})


def start_page(request: HttpRequest, form: UploadForm, status: int = 200, error: str = "") -> HttpResponse:
    page = Paginator(imports(), LISTED).get_page(request.GET.get("page"))
    rows = [(task, seen(task.state) if task.state in State.values else task.state) for task in page]
    context = {"form": form, "error": error, "page": page, "rows": rows}
    return render(request, "demo_project/start.html", context, status=status)


@never_cache
@require_safe
def import_page(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Show how far an import is, and what came of it."""
    row = get_object_or_404(imports(), uuid=uuid)
    page = look_at(uuid)
    context = {"row": row, "page": page, "task": page.task, "result": result_of(uuid)}
    return render(request, "demo_project/import.html", context)


@never_cache
@require_safe
def import_json(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Say the same to a program."""
    try:
        page = look_at(uuid)
    except TaskNotFound as error:
        return JsonResponse({"error": str(error)}, status=404)
    return HttpResponse(msgspec.json.encode(page), content_type="application/json")


@require_safe
def rejects(request: HttpRequest, uuid: UUID) -> FileResponse:
    """Hand out the rejected rows of an import: the file that its report names."""
    report = get_object_or_404(Report, upload=uuid)
    try:
        file = open(report.rejects_path, "rb")  # noqa: SIM115  # the response closes it
    except FileNotFoundError:
        raise Http404("The rejected rows of this import are not kept any more.") from None
    return FileResponse(file, as_attachment=True, filename=rejects_name(report), content_type="text/csv; charset=utf-8")


@require_POST
def act(request: HttpRequest, uuid: UUID, verb: str) -> HttpResponse:
    """Pause, resume, cancel an import, or retry what failed of it."""
    if verb not in VERBS:
        raise Http404(f"An import knows no {verb!r}.")
    task = get_object_or_404(imports(), uuid=uuid)
    try:
        VERBS[verb](task, by=who(request) or None)
    except (TaskBusy, TaskExists) as refused:
        messages.error(request, str(refused))
    return SeeOther(page_of(uuid))


def who(request: HttpRequest) -> str:
    """Return the name of the user, if somebody has logged in."""
    user: Any = request.user
    return user.get_username() if user.is_authenticated else ""


def page_of(uuid: UUID) -> str:
    return reverse("import", args=[uuid])
