"""Write an orders table to try the import with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from demo_project.fake_tables import write_table
from demo_project.management.arguments import add_table_arguments, check_table
from demo_project.management.hints import manage


class Command(BaseCommand):
    help = "Write a realistic orders table with malformed rows; an existing file is replaced."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="Where to write the table, e.g. orders.csv.")
        add_table_arguments(parser)

    def handle(self, *, file: Path, rows: int, bad: int, seed: int, **options: Any) -> None:
        check_table(rows, bad)
        if file.is_dir():
            raise CommandError(f"{file} is a folder: give the name of a file in it.")
        try:
            write_table(file, rows, bad, seed)
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}. Give another file.") from error
        self.stdout.write(f"{file}: {rows:,} rows, {bad:,} of them malformed.")
        self.stdout.write(f"Import it: {manage(f'import_table {file}')}")
