"""The orders table: written by seed, cut into batches, read row by row, refused with a reason."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from demo_project.fake_tables import KINDS, write_table
from demo_project.rows import COLUMNS, MAX_TEXT, Rejected, Row, convert
from demo_project.tables import MAX_LINE, Batch, TableError, cut, read_batch, read_layout

HEADER = ",".join(COLUMNS) + "\n"
GOOD = "ORD-1,2026-01-31,DE,ada@example.com,3,9.5\n"
SEED_1 = (
    HEADER
    + "ORD-0000001,2026-02-30,DE,alan.ritchie763@example.net,2,327.95\n"
    + "ORD-0000002,2026-01-16,AT,margaret.hopper762@example.net,8,118.99\n"
)


def a_table(folder: Path, content: str | bytes) -> Path:
    path = folder / "orders.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def batches_of(path: Path, rows: int) -> list[Batch]:
    return list(cut(path, read_layout(path), rows))


def read_all(path: Path, rows: int) -> list[tuple[int, Row | Rejected]]:
    layout = read_layout(path)
    return [found for batch in cut(path, layout, rows) for found in read_batch(path, batch, layout.delimiter)]


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_table(tmp_path / name, 500, 20, seed)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_a_seed_means_the_same_table_for_ever(tmp_path: Path) -> None:
    write_table(tmp_path / "a", 2, 1, 1)
    assert (tmp_path / "a").read_text() == SEED_1


@pytest.mark.parametrize(("rows", "bad"), [(0, 0), (1, 0), (1, 1), (5, 5), (1_000, 5), (1_000, 137), (300, 300)])
def test_exactly_so_many_rows_are_malformed_and_the_kinds_take_turns(tmp_path: Path, rows: int, bad: int) -> None:
    write_table(tmp_path / "orders.csv", rows, bad, seed=7)
    found = [row for _, row in read_all(tmp_path / "orders.csv", 100)]
    reasons = Counter(row.reason for row in found if isinstance(row, Rejected))
    assert len(found) == rows
    assert reasons.total() == bad
    assert reasons == Counter(KINDS[n % len(KINDS)] for n in range(bad))


@pytest.mark.parametrize("rows", [1, 2, 7, 99, 100, 101, 1_000])
def test_batches_cover_every_line_once_and_in_order(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "orders.csv"
    write_table(path, 100, 9, seed=3)
    batches = batches_of(path, rows)
    content = path.read_bytes()
    assert b"".join(content[b.offset : b.offset + b.length] for b in batches) == content[len(HEADER) :]
    assert [n for b in batches for n in range(b.first_line, b.last_line + 1)] == list(range(2, 102))
    assert all(b.last_line - b.first_line + 1 == rows for b in batches[:-1])
    assert [line for line, _ in read_all(path, rows)] == list(range(2, 102))


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_what_a_row_is_does_not_depend_on_the_batches(tmp_path: Path, rows: int) -> None:
    path = a_table(tmp_path, HEADER + GOOD + "\n" + "é,ü\n" + GOOD.rstrip("\n"))  # a blank line, no last line break
    found = [(line, getattr(row, "reason", None)) for line, row in read_all(path, rows)]
    assert found == [(2, None), (3, "wrong column count"), (4, "wrong column count"), (5, None)]


def test_a_good_line_becomes_a_typed_row(tmp_path: Path) -> None:
    row = Row("ORD-1", dt.date(2026, 1, 31), "DE", "ada@example.com", 3, Decimal("9.50"))
    assert read_all(a_table(tmp_path, HEADER + GOOD), 10) == [(2, row)]
    assert str(row.total) == "28.50"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ORD-1,2026-02-30,DE,ada@example.com,3,9.50", "bad date"),
        ("ORD-1,20260131,DE,ada@example.com,3,9.50", "bad date"),
        ("ORD-1,2026-01-31,DE,ada@example.com,-3,9.50", "negative quantity"),
        ("ORD-1,2026-01-31,XX,ada@example.com,3,9.50", "unknown country"),
        ("ORD-1,2026-01-31,de,ada@example.com,3,9.50", "unknown country"),
        ("ORD-1,2026-01-31,DE,ada.example.com,3,9.50", "broken email"),
        ("ORD-1,2026-01-31,DE,ada@example,3,9.50", "broken email"),
        ("ORD-1,2026-01-31,DE,a\0@example.com,3,9.50", "broken email"),
        ("ORD-1,2026-01-31,DE,ada@" + "example." * 40 + "com,3,9.50", "broken email"),
        ("ORD-1,2026-01-31,DE,ada@example.com,3", "wrong column count"),
        ("ORD-1,2026-01-31,DE,ada@example.com,3,9.50,", "wrong column count"),
        ("", "wrong column count"),
        (",2026-01-31,DE,ada@example.com,3,9.50", "bad order id"),
        ("ORD-1,2026-01-31,DE,ada@example.com,0,9.50", "bad quantity"),
        ("ORD-1,2026-01-31,DE,ada@example.com,3.5,9.50", "bad quantity"),
        ("ORD-1,2026-01-31,DE,ada@example.com,٣,9.50", "bad quantity"),
        ("ORD-1,2026-01-31,DE,ada@example.com,99999,9.50", "bad quantity"),
        ("ORD-1,2026-01-31,DE,ada@example.com,3,9.505", "bad price"),
        ("ORD-1,2026-01-31,DE,ada@example.com,3,NaN", "bad price"),
        ("ORD-1,2026-01-31,DE,ada@example.com,3,9999999", "bad price"),
        ('"ORD"-1,2026-01-31,DE,ada@example.com,3,9.50', "unreadable line"),
        ("ORD-1,2026-01-31,DE,ada@example.com\r,3,9.50", "unreadable line"),
    ],
)
def test_a_bad_line_has_a_reason(line: str, reason: str) -> None:
    assert convert(line, ",") == reason


@pytest.mark.parametrize(
    ("line", "delimiter"),
    [
        (GOOD, ","),
        (GOOD.replace("\n", "\r\n"), ","),
        (GOOD.replace(",", " ; "), ";"),
        ('"ORD-1","2026-01-31","DE","ada@example.com","9999","999999.99"', ","),
    ],
)
def test_a_good_line_may_be_written_in_several_ways(line: str, delimiter: str) -> None:
    assert isinstance(convert(line, delimiter), Row)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_the_layout_is_found_in_the_header(tmp_path: Path, delimiter: str, start: bytes) -> None:
    content = start + (HEADER.upper() + GOOD).replace(",", delimiter).encode()
    path = a_table(tmp_path, content)
    layout = read_layout(path)
    assert (layout.delimiter, layout.start, layout.size) == (delimiter, len(start) + len(HEADER), len(content))
    assert isinstance(read_all(path, 1)[0][1], Row)


def test_a_table_of_a_header_has_no_batches(tmp_path: Path) -> None:
    assert batches_of(a_table(tmp_path, HEADER.rstrip("\n")), 10) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "orders.csv is empty"),
        (b"\n", "the header is wrong"),
        (GOOD, "the header is missing: line 1 is an order already"),
        (
            "order_id,day,country,mail,quantity,price\n",
            "the header is wrong: line 1 must be order_id,day,country,email",
        ),
        (HEADER.replace("\n", "\r") + GOOD, "the header is wrong"),
        (HEADER.encode("utf-16"), "line 1 is not UTF-8: 0xff at byte offset 0"),
        (
            (HEADER + GOOD).encode() + b"ORD-2,\xff",
            f"line 3 is not UTF-8: 0xff at byte offset {len(HEADER + GOOD) + 6}",
        ),
        (HEADER + GOOD + 'ORD-2,2026-01-31,"D\nE",ada@example.com,3,9.50\n', "line 3: a quoted field is not closed"),
        (HEADER + 'ORD-2,2026-01-31,DE,"a""\n', "line 2: a quoted field is not closed"),
        (HEADER + "x" * (MAX_LINE + 1), "line 2 is longer than 65536 bytes"),
    ],
)
def test_what_is_no_table_is_refused_with_the_place(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(TableError) as refused:
        batches_of(a_table(tmp_path, content), 10)
    assert message in str(refused.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="does not exist"):
        read_layout(tmp_path / "orders.csv")
    with pytest.raises(TableError, match="is not a file"):
        read_layout(tmp_path)


def test_a_file_that_changed_after_it_was_cut_is_refused(tmp_path: Path) -> None:
    path = a_table(tmp_path, HEADER + GOOD)
    (batch,) = batches_of(path, 10)
    a_table(tmp_path, HEADER + GOOD.replace("9.5", "8.5"))
    with pytest.raises(TableError, match="was changed while it was imported"):
        list(read_batch(path, batch, ","))


def test_a_rejected_line_is_kept_short_and_printable(tmp_path: Path) -> None:
    rejected = [row for _, row in read_all(a_table(tmp_path, HEADER + "a\0b\tc\r\n" + "x" * 200), 10)]
    assert [row.text for row in rejected if isinstance(row, Rejected)] == ["a\ufffdb\tc", "x" * (MAX_TEXT - 1) + "…"]
