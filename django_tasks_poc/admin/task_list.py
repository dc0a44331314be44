"""The list of root tasks, in a fixed number of queries."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib.admin.views.main import ChangeList
from django.core import paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from ..models import Task
from ..states import State

if TYPE_CHECKING:
    Paginator = paginator.Paginator[Any]
else:
    Paginator = paginator.Paginator


class NewestPaginator(Paginator):
    """Pages over the newest rows only; to count them never costs more than ``limit`` rows."""

    limit = 10_000

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]  # the admin gives a queryset
        return rows.order_by()[: self.limit].count()


class TaskList(ChangeList):
    """Root tasks; each with the nested task that it waits for at hand, whose counts say more than its own."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        found = super().get_queryset(request, exclude_parameters)
        return found.filter(depth=0).defer("shared", "response", "options")

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        tasks = list(self.result_list)
        nested = _nested(self.root_queryset.db, [task for task in tasks if not task.parallel and task.waiting_count])
        for task in tasks:
            task.__dict__["counted"] = nested.get(task.uuid, task)
        self.result_list = tasks


def counted(task: Task) -> Task:
    """Return the task whose counts stand for this one in the list."""
    found: Task = task.__dict__.get("counted", task)
    return found


def _nested(alias: str, tasks: list[Task]) -> dict[Any, Task]:
    """Return the nested task that each of these sequential tasks waits for."""
    if not tasks:
        return {}
    rows = Task.objects.using(alias).visible().filter(finished_at__isnull=True, parent_stage__state=State.WAITING)
    rows = rows.filter(parent_stage__task__in=[task.uuid for task in tasks]).defer("shared", "response", "options")
    return {row.parent_stage.task_id: row for row in rows.select_related("parent_stage") if row.parent_stage}
