"""Who may see the progress of a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from django.http import HttpRequest
from django.utils.module_loading import import_string

from ..conf import config
from ..draft import creator
from ..models import Task

Permission = Callable[[HttpRequest, Task], bool]


def may_see(request: HttpRequest, task: Task) -> bool:
    """Ask the setting PROGRESS_PERMISSION, or else ``by_default``."""
    chosen = config().progress_permission
    return bool((cast("Permission", import_string(chosen)) if chosen else by_default)(request, task))


def by_default(request: HttpRequest, task: Task) -> bool:
    """Let those in who may view tasks in the admin, and the user that the task's ``created_by`` names."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or not user.is_active:
        return False
    if user.is_staff and user.has_perm("django_tasks_poc.view_task"):
        return True
    return bool(task.created_by) and task.created_by == creator(user)
