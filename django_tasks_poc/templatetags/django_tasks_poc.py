"""``{% load django_tasks_poc %}{% task_progress task %}``: the live progress of a task, on any page of a project."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import template
from django.template import Context
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from ..models import Task
from ..progress.face import find, render

register = template.Library()

#: In the outermost layer of a context: whether the page has the style and the script already.
_BEFORE = "django_tasks_poc.progress"


@register.simple_tag(takes_context=True)
def task_progress(context: Context, task: Any) -> SafeString:
    """Show how far a task is, and keep it up to date: a Task, or the uuid of one.

    Whether the user may see it is the page's decision; PROGRESS_PERMISSION decides about the updates.
    Raises ValueError for what is neither, Task.DoesNotExist for a uuid that is unknown.
    """
    found = task if isinstance(task, Task) else _by_uuid(task)
    html, etag = render(found)
    is_first = not context.dicts[0].get(_BEFORE)
    context.dicts[0][_BEFORE] = True
    return mark_safe(render_to_string("django_tasks_poc/progress.html", {  # rendered, so escaped
        "inside": mark_safe(html),  # rendered, so escaped
        "etag": etag,
        "is_first": is_first,
        "is_finished": found.finished_at is not None,
        "uuid": found.uuid,
        "url": reverse("django_tasks_poc:progress", args=[found.uuid]),
    }))  # fmt: skip


def _by_uuid(value: Any) -> Task:
    try:
        uuid = value if isinstance(value, UUID) else UUID(str(value))
    except ValueError:
        raise ValueError(f"task_progress takes a Task or its uuid, not {value!r}.") from None
    task = find(uuid)
    if task is None:
        raise Task.DoesNotExist(f"There is no task {uuid}.")
    return task
