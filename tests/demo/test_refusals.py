"""What is no table is refused with a reason, and leaves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from django_tasks_poc.models import Task

from .sending import (
    BOUNDARY,
    GOOD,
    LIMIT,
    ROW,
    START,
    assert_refused,
    form_of,
    left_in,
    send,
    send_by_hand,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "The file is empty. Choose one"),
        (b"\xef\xbb\xbf", "The header is wrong: line 1 must be order_id,"),
        (b"\n", "The header is wrong"),
        (GOOD + b"\xe9\n", "Line 3 is not UTF-8: 0xe9 at byte offset 84. Save the table as “CSV UTF-8”"),
        (GOOD + "é".encode()[:1], "Line 3 is not UTF-8: 0xc3 at byte offset 84"),
        (GOOD.decode().encode("utf-16"), "The file is UTF-16, not UTF-8. Save the table as “CSV UTF-8”"),
        (b"\xfe\xff" + GOOD.decode().encode("utf-16-be"), "The file is UTF-16, not UTF-8"),
        (GOOD.decode().encode("utf-32"), "The file is UTF-32, not UTF-8"),
        (GOOD.decode().encode("utf-16-le"), "The header is wrong"),
        (ROW.encode(), "The header is missing: line 1 is an order already"),
        (b"name,age\nann,7\n", "The header is wrong: line 1 must be order_id,day,country,email,quantity,price, but is"),
        (GOOD[:5] + b"\0" + GOOD[5:], "The header is wrong"),
        (b"\0" * 500, "The header is wrong"),
        (b"PK\x03\x04\x14\x00\x00\x00\x08\x00", "The header is wrong"),
        (b"\x89PNG\r\n\x1a\n", "Line 1 is not UTF-8: 0x89 at byte offset 0"),
        (b"<script>alert(1)</script>\n", "but is &#x27;&lt;script&gt;alert(1)"),
        (GOOD + b"x" * LIMIT, "The file is larger than 9.8\xa0KB. Split it"),
    ],
    ids=[
        "empty", "a BOM alone", "an empty line", "Latin-1", "half a character", "UTF-16", "UTF-16 BE", "UTF-32",
        "UTF-16 without BOM", "no header", "another header", "NUL in the header", "NULs", "a spreadsheet", "a picture",
        "a script", "too large",
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_and_leaves_nothing(content: bytes, reason: str, folder: Path) -> None:
    assert_refused(send(content), reason, folder)


@pytest.mark.parametrize("data", [{}, {"table": "no file"}, {"table": ""}, {"other": "x"}])
def test_no_file_is_refused(data: dict[str, str], folder: Path) -> None:
    assert_refused(Client().post(START, data), "Choose a file first.", folder)


@pytest.mark.parametrize("content_type", ["application/json", "text/csv", "application/x-www-form-urlencoded"])
def test_what_is_no_form_with_a_file_is_refused(content_type: str, folder: Path) -> None:
    response = Client().post(START, GOOD, content_type=content_type)
    assert_refused(response, "Choose a file first.", folder)


@pytest.mark.parametrize("field", ["table", "other"])
@pytest.mark.parametrize("second", ["table", "other"])
def test_of_two_files_none_is_kept(field: str, second: str, folder: Path) -> None:
    first, then = f'name="{field}"; filename="a.csv"', f'name="{second}"; filename="b.csv"'
    response = send_by_hand((first, GOOD), (then, GOOD))
    reason = "Choose a file first." if field == second == "other" else "Send one file at a time."
    assert_refused(response, reason, folder)


def test_a_form_that_breaks_off_leaves_nothing(folder: Path) -> None:
    body = form_of(('name="table"; filename="a.csv"', GOOD))[:-80]
    response = Client().post(START, body, content_type=f"multipart/form-data; boundary={BOUNDARY}")
    assert response.status_code in (303, 400)
    assert len(left_in(folder)) == Task.objects.count()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../x.csv", "x.csv"),
        ("/etc/passwd", "passwd"),
        ("C:\\fakepath\\orders.csv", "orders.csv"),
        ("..%2f..%2fx.csv", "..%2f..%2fx.csv"),
        ("a\u202egpj.csv", "agpj.csv"),
        ("a\x00b\x1b[31m.csv", "ab[31m.csv"),
        ("<b>&.csv", "<b>&.csv"),
        ("заказы за май.csv", "заказы за май.csv"),
        ("x" * 500 + ".csv", "x" * 200),
        ("orders.exe", "orders.exe"),
        ("no-extension", "no-extension"),
    ],
)
def test_the_name_of_a_file_is_shown_and_names_no_file_of_ours(name: str, shown: str, folder: Path) -> None:
    response = send_by_hand((f'name="table"; filename="{name}"'.replace("\\", "\\\\"), GOOD))
    assert response.status_code == 303
    assert Task.objects.get().title.startswith(f"Import of {shown}")
    (stored,) = left_in(folder)
    assert len(stored) == len("00000000-0000-0000-0000-000000000000.csv")
    assert left_in(folder.parent.parent) == sorted(["demo_data", "uploads", stored])
    page = Client().get(response["Location"]).content.decode()
    assert "<b>&.csv" not in page
    assert "\x1b" not in page


@pytest.mark.parametrize("name", ["..", ".", "", "/"])
def test_a_file_without_a_name_is_no_file(name: str, folder: Path) -> None:
    assert_refused(send_by_hand((f'name="table"; filename="{name}"', GOOD)), "Choose a file first.", folder)
