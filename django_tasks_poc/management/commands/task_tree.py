"""Show a task as a tree."""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS

from ...models import Task
from ...node import databases
from ...texts import one_line
from ...tree import TreeTask, branch_of, read_tree
from ...viewer import find_task
from ..branches import as_text
from ..formats import add_format, as_json, database_told
from ..verb import as_uuid

#: Seconds between two looks.
_LOOK = 0.5


class Command(BaseCommand):
    help = "Show a task as a tree: its stages, how far they are, their failed attempts, and the tasks nested in them."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("uuid", type=as_uuid, help="uuid of the task, which may be a nested one")
        parser.add_argument("--watch", action="store_true", help="show it until the task has ended")
        add_format(parser)

    def handle(self, *, uuid: UUID, watch: bool, format: str, no_color: bool, **options: Any) -> None:
        with database_told():
            task = find_task(uuid)
        if task is None:
            raise CommandError(f"There is no task {uuid} in the databases of the nodes ({', '.join(databases())}).")
        try:
            with database_told(task._state.db or DEFAULT_DB_ALIAS):
                self._show(task, watch, is_json=format == "json", no_color=no_color)
        except Task.DoesNotExist:
            raise CommandError(f"Task {uuid} is gone: it was purged meanwhile.") from None
        except KeyboardInterrupt:
            raise CommandError("Stopped. The task goes on.", returncode=130) from None

    def _show(self, task: Task, watch: bool, *, is_json: bool, no_color: bool) -> None:
        pictures = _until_its_end(task) if watch else iter([read_tree(task)])
        if is_json:
            *_, last = pictures
            self.stdout.write(as_json(last))
        elif self.stdout.isatty() and importlib.util.find_spec("rich") is not None:
            from ..live import show

            show(pictures, sys.stdout, is_live=watch, no_color=no_color)
        else:
            self._in_lines(pictures, watch)

    def _in_lines(self, pictures: Iterator[TreeTask], watch: bool) -> None:
        """Write plain text: while it goes on a line for each change, at the end the tree."""
        told = ""
        for picture in pictures:
            line = f"“{one_line(picture.title)}” is {picture.state}, {picture.finished:,} of {picture.total:,} stages"
            if watch and line != told:
                self.stdout.write(line)
                self.stdout.flush()
                told = line
        self.stdout.write(as_text(branch_of(picture)))
        if self.stdout.isatty():
            self.stderr.write("For colours and a live tree: pip install 'django-tasks-poc[cli]'", style_func=str)


def _until_its_end(task: Task) -> Iterator[TreeTask]:
    while True:
        picture = read_tree(task)
        yield picture
        if picture.is_over:
            return
        time.sleep(_LOOK)
