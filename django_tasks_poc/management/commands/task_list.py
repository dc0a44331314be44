"""List tasks."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from django.utils import timezone

from ...exceptions import TaskError
from ...models import Task
from ...node import databases, nodes
from ...states import State
from ...storage.orm import clock
from ...texts import about, one_line
from ..age import as_seconds
from ..formats import add_format, as_json, as_rows, at_least, database_told, plain

_HEAD = ("UUID", "STATE", "NODE", "AGE", "STAGES", "FAILED", "TITLE")


class Command(BaseCommand):
    help = "List root tasks, the newest first."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        states = [state.value for state in State if state != State.PROMISED]
        add = parser.add_argument
        add("--state", action="append", choices=states,
            help="only tasks in this state; may be given again for more (default: in any)")  # fmt: skip
        add("--node", help="label of the node (default: all nodes)")
        add("--older-than", type=as_seconds, metavar="AGE",
            help="only tasks built longer ago: 5d, 12h, 30m, 90s, or seconds")  # fmt: skip
        add("--newer-than", type=as_seconds, metavar="AGE", help="only tasks built since then")
        add("--limit", type=at_least(1), default=20, metavar="N", help="list up to N tasks (default: 20)")
        add_format(parser)

    def handle(
        self, *, state: list[str] | None, node: str | None, older_than: float | None, newer_than: float | None,
        limit: int, format: str, **options: Any,
    ) -> None:  # fmt: skip
        if older_than is not None and newer_than is not None and older_than >= newer_than:
            raise CommandError("No task is older than --older-than and newer than --newer-than.", returncode=2)
        try:
            homes = databases() if node is None else {nodes[node].database: [nodes[node].label]}
        except TaskError as error:
            raise CommandError(str(error), returncode=2) from error
        tasks: list[Task] = []
        count = 0
        for alias, labels in homes.items():
            with database_told(alias):
                rows = _wanted(alias, labels, state, older_than, newer_than)
                tasks += rows.order_by("-created_at", "-uuid")[:limit]
                count += rows.count()
        tasks = sorted(tasks, key=lambda task: task.created_at, reverse=True)[:limit]
        if format == "json":
            self.stdout.write(as_json([_record(task) for task in tasks]))
        elif tasks:
            self.stdout.write(as_rows([_HEAD, *map(_row, tasks)]))
            if count > len(tasks):
                self.stdout.write(f"… and {count - len(tasks):,} more")
        else:
            self.stdout.write("There is no such task.")


def _wanted(
    alias: str, labels: list[str], state: list[str] | None, older_than: float | None, newer_than: float | None
) -> QuerySet[Task]:
    rows = Task.objects.using(alias).roots().visible().filter(node__in=labels)
    now = clock.now(alias)
    if state:
        rows = rows.filter(state__in=state)
    if older_than is not None:
        rows = rows.filter(created_at__lt=now - timedelta(seconds=older_than))
    if newer_than is not None:
        rows = rows.filter(created_at__gte=now - timedelta(seconds=newer_than))
    return rows.defer("shared", "options", "response")


def _row(task: Task) -> tuple[str, ...]:
    age = plain(about((timezone.now() - task.created_at).total_seconds()))
    stages = f"{task.finished_count:,}/{task.total_count:,}"
    failed = f"{task.failed_count:,}" if task.failed_count else ""
    return str(task.uuid), one_line(task.state), one_line(task.node), age, stages, failed, one_line(task.title)


def _record(task: Task) -> dict[str, Any]:
    names = ("uuid", "node", "title", "state", "message", "created_by", "created_at", "started_at", "finished_at")
    counts = {"stages": task.total_count, "finished": task.finished_count, "failed": task.failed_count}
    return {name: getattr(task, name) for name in names} | counts
