"""What the commands that tell something share: format, arguments, rows of text, and words of the database."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from django.core.management.base import CommandError
from django.db import DEFAULT_DB_ALIAS, DatabaseError

from ..storage.orm.schema import not_migrated
from ..texts import NBSP, width
from ..tree.lines import pad


@contextmanager
def database_told(alias: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Have what the database says against it be the error of the command, with what to do where that is known."""
    try:
        yield
    except DatabaseError as error:
        raise CommandError(str(not_migrated(alias, error) or f"Database {alias!r} fails: {error}".strip())) from error


def add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="text for people, json for scripts (default: text)"
    )


def at_least(least: int) -> Any:
    """Return what reads an argument that is a whole number."""

    def whole(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least}")
        return int(text)

    return whole


def as_json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def plain(text: str) -> str:
    """Return the text with common blanks, by which a shell cuts it."""
    return text.replace(NBSP, " ")


def as_rows(rows: Sequence[Sequence[str]]) -> str:
    """Return the cells in columns."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(pad, row, widths)).rstrip() for row in rows)
