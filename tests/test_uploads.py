"""What people send to the demo: taken in whole, or refused with a reason, and then nothing of it is left behind."""

from __future__ import annotations

import resource
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient, Client
from django.urls import reverse

from demo_project.rows import COLUMNS
from demo_project.uploads import OVERHEAD
from demo_project.utf8 import Utf8Check
from django_tasks_poc.models import Task
from django_tasks_poc.testing import assert_succeeded, run_pending, run_task

from .support_threads import at_once

pytestmark = pytest.mark.django_db

HEADER = ",".join(COLUMNS) + "\n"
ROW = "ORD-1,2026-01-31,DE,ada@example.com,3,9.5\n"
GOOD = (HEADER + ROW).encode()
START = reverse("start")
LIMIT = 10_000
BOUNDARY = "a-boundary"


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    """The folder that uploads go to, which is not there yet."""
    settings.UPLOADS = tmp_path / "demo_data" / "uploads"
    settings.MAX_UPLOAD_BYTES = LIMIT
    return settings.UPLOADS


def send(content: bytes, name: str = "orders.csv", client: Client | None = None) -> Any:
    return (client or Client()).post(START, {"table": SimpleUploadedFile(name, content)})


def form_of(*parts: tuple[str, bytes]) -> bytes:
    """Return a form's body as written by hand: its parts' headers and contents."""
    lines = [f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + body for head, body in parts]
    return b"\r\n".join([*lines, f"--{BOUNDARY}--\r\n".encode()])


def send_by_hand(*parts: tuple[str, bytes]) -> Any:
    return Client().post(START, form_of(*parts), content_type=f"multipart/form-data; boundary={BOUNDARY}")


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def error_in(page: str) -> str:
    """Return the one error that the page shows."""
    errors = page.partition('<ul class="errorlist"')[2].partition("</ul>")[0]
    return errors.partition("<li>")[2].rpartition("</li>")[0]


def assert_refused(response: Any, reason: str, folder: Path, status: int = 400) -> None:
    page = response.getvalue().decode()
    assert response.status_code == status
    assert reason in error_in(page)
    assert 'enctype="multipart/form-data"' in page  # the form is there again
    assert left_in(folder) == []
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    "content",
    [GOOD, b"\xef\xbb\xbf" + GOOD, GOOD.replace(b",", b";"), HEADER.encode(), GOOD + "ä,ö\n".encode(), GOOD + b"\0\n"],
    ids=["plain", "with a BOM", "semicolons", "no rows", "not ASCII", "a row with a NUL"],
)
def test_a_table_is_stored_and_its_import_built(content: bytes, folder: Path) -> None:
    response = send(content)
    task = Task.objects.get()
    assert (response.status_code, response["Location"]) == (303, reverse("import", args=[task.uuid]))
    (stored,) = folder.iterdir()
    assert stored.read_bytes() == content
    assert task.title == "Import of orders.csv"
    assert_succeeded(run_task(task))


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


def test_a_file_that_says_it_is_too_large_is_refused_before_it_is_read(folder: Path) -> None:
    response = Client().post(START, {"table": SimpleUploadedFile("a.csv", GOOD + b"x" * (LIMIT + OVERHEAD))})
    assert not folder.exists()  # not even looked at
    assert_refused(response, "The file is larger than 9.8\xa0KB", folder, status=413)
    assert response.wsgi_request.read() == b""  # what was sent went by in pieces: a server would keep it in memory


@pytest.mark.django_db(transaction=True)
def test_the_answer_to_a_gigabyte_comes_before_the_gigabyte(live_server: Any, folder: Path) -> None:
    """Given a request that announces 1 GB, when nothing of it was sent yet, then the refusal is there already."""
    address = urlsplit(live_server.url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(
            f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {2**30}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n".encode()
        )
        answer = b""
        while b"</html>" not in answer:
            piece = connection.recv(65536)
            assert piece
            answer += piece
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert "The file is larger than" in answer.decode()
    assert not folder.exists()


@pytest.mark.django_db(transaction=True)
def test_who_sends_it_all_before_reading_gets_the_answer_too(live_server: Any, folder: Path) -> None:
    address = urlsplit(live_server.url)
    size = 20 * 2**20
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(size // 2**20):
            connection.sendall(bytes(2**20))
        assert connection.recv(12) == b"HTTP/1.1 413"


@pytest.mark.django_db(transaction=True)
def test_too_large_a_file_is_refused_under_asgi(folder: Path) -> None:
    table = SimpleUploadedFile("a.csv", GOOD + b"x" * (LIMIT + OVERHEAD))
    response = async_to_sync(AsyncClient().post)(START, {"table": table})
    assert response.status_code == 413
    assert not folder.exists()


@pytest.mark.parametrize("length", ["x", "-1", "", "9" * 5_000])
def test_a_length_that_makes_no_sense_is_none(length: str, folder: Path) -> None:
    response = Client().post(START, b"", content_type="text/csv", CONTENT_LENGTH=length)
    assert response.status_code == 400
    assert left_in(folder) == []


def test_without_its_token_a_form_is_refused_and_its_file_removed(folder: Path) -> None:
    client = Client(enforce_csrf_checks=True)
    client.get(START)
    assert send(GOOD, client=client).status_code == 403
    assert folder.exists()
    assert left_in(folder) == []
    assert not Task.objects.exists()


def test_with_its_token_a_form_is_taken(folder: Path) -> None:
    client = Client(enforce_csrf_checks=True)
    token = client.get(START).content.decode().partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    assert token
    table = SimpleUploadedFile("orders.csv", GOOD)
    assert client.post(START, {"csrfmiddlewaretoken": token, "table": table}).status_code == 303


def test_the_same_table_is_not_imported_twice_at_a_time(folder: Path) -> None:
    send(GOOD)
    task, stored = Task.objects.get(), left_in(folder)
    again = send(GOOD, name="another name.csv")
    assert again.status_code == 409
    assert "This very table is being imported already" in error_in(again.getvalue().decode())
    assert reverse("import", args=[task.uuid]) in error_in(again.getvalue().decode())
    assert left_in(folder) == stored
    assert send(GOOD + ROW.encode()).status_code == 303
    run_pending()
    assert send(GOOD).status_code == 303
    assert Task.objects.roots().count() == 3


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_is_imported(folder: Path) -> None:
    answers = at_once(*[lambda: send(GOOD).status_code] * 4)
    assert sorted(answers) == [303, 409, 409, 409]
    assert Task.objects.count() == len(left_in(folder)) == 1


@pytest.mark.django_db(transaction=True)
def test_different_tables_at_once_do_not_mix(folder: Path) -> None:
    contents = [GOOD + f"{n}\n".encode() for n in range(4)]
    works: list[Callable[[], int]] = [lambda content=content: send(content).status_code for content in contents]  # type: ignore[misc]
    assert at_once(*works) == [303] * 4
    assert sorted(path.read_bytes() for path in folder.iterdir()) == contents


def test_a_build_that_fails_leaves_nothing(folder: Path, settings: Any) -> None:
    settings.DJANGO_TASKS_POC = {"NODES": {"another": {}}}
    with pytest.raises(LookupError, match="default"):
        send(GOOD)
    assert folder.exists()
    assert left_in(folder) == []


def test_a_folder_that_cannot_be_there_is_said(folder: Path) -> None:
    folder.parent.write_text("a file in its place")
    assert "The file cannot be stored here: " in error_in(send(GOOD).getvalue().decode())
    assert folder.parent.is_file()


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Let no file grow beyond 4 MB, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signals = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, signals)


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_said(folder: Path, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 10_000_000
    response = send(HEADER.encode() + ROW.encode() * 120_000)
    assert_refused(response, "The file cannot be stored here: File too large.", folder)


@pytest.mark.parametrize("size", [1, 4096, 9_000])
def test_utf8_is_checked_however_it_is_cut(size: int) -> None:
    text = "aä€😀\n".encode() * 50
    check = Utf8Check()
    assert [check.feed(text[n : n + size]) for n in range(0, len(text), size)] == [""] * -(-len(text) // size)
    assert check.end() == ""
    check = Utf8Check()
    pieces = [(text + b"\xff")[n : n + size] for n in range(0, len(text) + 1, size)]
    assert f"Line 51 is not UTF-8: 0xff at byte offset {len(text)}" in "".join(check.feed(piece) for piece in pieces)
