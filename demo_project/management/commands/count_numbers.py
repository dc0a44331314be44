"""Build tasks on two nodes that have a database and managers of their own."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from demo_project.handlers.count_numbers import count_numbers
from demo_project.management.hints import admin_url, manage
from django_tasks_poc.exceptions import TaskError

NODES = ("even", "odd")
MOST = 1000


class Command(BaseCommand):
    help = "Build tasks 'Count Numbers', in turn on the nodes even and odd."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tasks", type=int, default=4, help="How many (default: %(default)s).")

    def handle(self, *, tasks: int, **options: Any) -> None:
        if not 1 <= tasks <= MOST:
            raise CommandError(f"--tasks is {tasks}: give 1 to {MOST}.")
        for number in range(tasks):
            node = NODES[number % len(NODES)]
            try:
                task = count_numbers(node, f"Number {number + 1}")
            except TaskError as error:
                raise CommandError(str(error)) from error
            self.stdout.write(f"Node {node:<4}  {admin_url(task.uuid)}")
        for node in NODES[:tasks]:
            self.stdout.write(f"Run those of {node + ':':<5} {manage(f'run_task_manager --node {node} --drain')}")
