"""Tables that are too large, lengths that make no sense, and disks that are full."""

from __future__ import annotations

import resource
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient, Client

from demo_project.uploads import OVERHEAD
from demo_project.utf8 import Utf8Check

from .sending import (
    BOUNDARY,
    GOOD,
    HEADER,
    LIMIT,
    ROW,
    START,
    assert_refused,
    error_in,
    left_in,
    send,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Let no file grow beyond 4 MB, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    signals = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, signals)


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


def test_a_folder_that_cannot_be_there_is_said(folder: Path) -> None:
    folder.parent.write_text("a file in its place")
    assert "The file cannot be stored here: " in error_in(send(GOOD).getvalue().decode())
    assert folder.parent.is_file()


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
