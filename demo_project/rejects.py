"""Write the rejected rows of an import to a CSV file beside its table."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from uuid import UUID

from .rows import Rejected

COLUMNS = ("line", "reason", "text")


def rejects_path(table: Path, upload: UUID) -> Path:
    """Return where the rejects of an import go: a file of its own for each import."""
    return table.with_name(f"{table.stem[:40]}.{upload}.rejects.csv")


@contextmanager
def open_rejects(path: Path) -> Iterator[Callable[[Iterable[Rejected]], None]]:
    """Give a function that writes rejected rows to ``path``; the file is there whole, or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        yield lambda rejected: writer.writerows(astuple(row) for row in rejected)
    partial.replace(path)
