"""The view that the widget asks for what is new."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response, patch_cache_control
from django.views.decorators.http import require_safe

from .face import find, render
from .permission import may_see


@require_safe
def task_progress(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Answer with the inside of the widget, or with 304 where the asker has it.

    A task that is not there, and one that the user may not see, are the same 404: an answer confirms no uuid.
    """
    task = find(uuid)
    if task is None or not may_see(request, task):
        raise Http404("No such task.")
    html, etag = render(task)
    response = get_conditional_response(request, etag=etag, response=HttpResponse(html, headers={"ETag": etag}))
    assert response is not None  # it is the one given, or a 304 in its place
    patch_cache_control(response, private=True, no_cache=True)
    return response
