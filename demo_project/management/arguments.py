"""The arguments that the demo's commands share, and the refusal of those that make no sense."""

from __future__ import annotations

from django.core.management.base import CommandError, CommandParser

from demo_project.handlers.import_table import MAX_BATCH


def add_table_arguments(parser: CommandParser) -> None:
    parser.add_argument("--rows", type=int, default=100_000, help="Rows of the table (default: %(default)s).")
    parser.add_argument("--bad", type=int, default=137, help="How many of them are malformed (default: %(default)s).")
    parser.add_argument("--seed", type=int, default=1, help="The same seed, the same table (default: %(default)s).")


def add_batch_argument(parser: CommandParser) -> None:
    parser.add_argument("--batch", type=int, default=500, help="Rows that one stage loads (default: %(default)s).")


def check_table(rows: int, bad: int) -> None:
    if rows < 0:
        raise CommandError(f"--rows is {rows}: give 0 or more.")
    if not 0 <= bad <= rows:
        raise CommandError(f"--bad is {bad}: give 0 to {rows}, as many as --rows has at most.")


def check_batch(batch: int) -> None:
    if not 1 <= batch <= MAX_BATCH:
        raise CommandError(f"--batch is {batch}: give 1 to {MAX_BATCH}.")
