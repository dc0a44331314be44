"""Build the task that imports an orders table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from demo_project.handlers.import_table import build_import
from demo_project.management.arguments import add_batch_argument, check_batch
from demo_project.management.hints import how_to_look, manage
from demo_project.tables import TableError
from django_tasks_poc import TaskExists
from django_tasks_poc.exceptions import TaskError


class Command(BaseCommand):
    help = "Build the task that imports an orders table (see make_table); run_task_manager runs it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="The table: CSV in UTF-8, with a header line.")
        add_batch_argument(parser)
        parser.add_argument("--node", default="default", help="The node that runs it (default: %(default)s).")

    def handle(self, *, file: Path, batch: int, node: str, **options: Any) -> None:
        check_batch(batch)
        try:
            task = build_import(file, batch, node)
        except TableError as error:
            raise CommandError(f"{error}. Give an orders table, like one of make_table.") from error
        except TaskExists as error:
            raise CommandError(f"Task {error.uuid} imports this file already: run or cancel it.") from error
        except TaskError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Task {task.uuid} imports {file} in batches of {batch:,} rows.")
        self.stdout.write(f"Run it:   {manage(f'run_task_manager --node {node} --drain')}")
        self.stdout.write(f"Watch it: {how_to_look(task.uuid)}")
