"""Read an orders table: find its layout, cut it into batches, read one batch.

One line of the file is one row. A quoted field may hold delimiters and doubled quotes, but no line break: such a
file is refused when it is cut, because a batch starts in the middle of the file and could take the second half of
a field for an order. Nothing here knows Django, and nothing holds more than one batch in memory.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .rows import COLUMNS, Rejected, Row, convert, shorten, split

DELIMITERS = ",;\t|"
BOM = b"\xef\xbb\xbf"  # spreadsheets write it in front of UTF-8
MAX_LINE = 1 << 16  # bytes; a longer line is no line of a table, and is not read into memory


class TableError(ValueError):
    """The file cannot be imported as it is."""


@dataclass(frozen=True)
class Layout:
    """What all batches of one file share."""

    delimiter: str
    start: int  # the byte at which the first row starts
    size: int  # bytes of the whole file


@dataclass(frozen=True)
class Batch:
    """Some lines of the file, by number (the header is line 1) and by place in bytes."""

    first_line: int
    last_line: int
    offset: int
    length: int
    checksum: int  # CRC-32 of the bytes, so that a file changed meanwhile is noticed


def read_layout(path: Path) -> Layout:
    """Find the delimiter and the first row from the header line, or raise TableError."""
    with open_table(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        if size == 0:
            raise TableError(f"{path.name} is empty")
        if file.read(len(BOM)) != BOM:
            file.seek(0)
        start = file.tell()
        line = decode(read_line(file, 1), 1, start)
        for delimiter in DELIMITERS:
            if is_header(line, delimiter):
                return Layout(delimiter, file.tell(), size)
    raise TableError(explain_header(line))


def cut(path: Path, layout: Layout, rows: int) -> Iterator[Batch]:
    """Read the file once and yield its batches of so many rows, or raise TableError at the first bad line."""
    with open_table(path) as file:
        file.seek(layout.start)
        number, first, offset, length, checksum = 1, 2, layout.start, 0, 0
        while line := read_line(file, number + 1):
            number += 1
            if is_open(decode(line, number, offset + length), layout.delimiter):
                raise TableError(f"line {number}: a quoted field is not closed on its line; one line must be one row")
            length += len(line)
            checksum = zlib.crc32(line, checksum)
            if number - first + 1 == rows:
                yield Batch(first, number, offset, length, checksum)
                first, offset, length, checksum = number + 1, offset + length, 0, 0
        if length:
            yield Batch(first, number, offset, length, checksum)


def read_batch(path: Path, batch: Batch, delimiter: str) -> Iterator[tuple[int, Row | Rejected]]:
    """Yield each line of a batch by its number, as a row or as a rejected one; read nothing else of the file."""
    with open_table(path) as file:
        file.seek(batch.offset)
        data = file.read(batch.length)
    if zlib.crc32(data) != batch.checksum:
        raise TableError(f"{path.name} was changed while it was imported (lines {batch.first_line}-{batch.last_line})")
    for number, line in enumerate(data.decode().removesuffix("\n").split("\n"), batch.first_line):
        found = convert(line, delimiter)
        yield number, found if isinstance(found, Row) else Rejected(number, found, shorten(line))


def is_header(line: str, delimiter: str) -> bool:
    try:
        return tuple(name.strip().lower() for name in split(line, delimiter)) == COLUMNS
    except csv.Error:
        return False


def is_open(line: str, delimiter: str) -> bool:
    """Say whether a field that opens on this line goes on, or may go on, over its end."""
    if '"' not in line:
        return False
    reader = csv.reader([line, ""], delimiter=delimiter)
    try:
        next(reader)
    except csv.Error:  # where its quotes end cannot be told
        return True
    return reader.line_num > 1


def explain_header(line: str) -> str:
    expected = ",".join(COLUMNS)
    if any(isinstance(convert(line, delimiter), Row) for delimiter in DELIMITERS):
        return f"the header is missing: line 1 is an order already, it must be {expected}"
    return f"the header is wrong: line 1 must be {expected}, but is {shorten(line)!r}"


def open_table(path: Path) -> BinaryIO:
    if path.exists() and not path.is_file():
        raise TableError(f"{path} is not a file")
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise TableError(f"{path} does not exist") from None
    except PermissionError:
        raise TableError(f"{path} may not be read: its permissions forbid it") from None


def read_line(file: BinaryIO, number: int) -> bytes:
    line = file.readline(MAX_LINE + 1)
    if len(line) > MAX_LINE:
        raise TableError(f"line {number} is longer than {MAX_LINE} bytes: this is no table of orders")
    return line


def decode(line: bytes, number: int, offset: int) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        byte = offset + error.start
        raise TableError(f"line {number} is not UTF-8: 0x{line[error.start]:02x} at byte offset {byte}") from error
