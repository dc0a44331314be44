"""Tables as they are sent to the demo, whole and otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from demo_project.rows import COLUMNS
from django_tasks_poc.models import Task

HEADER = ",".join(COLUMNS) + "\n"
ROW = "ORD-1,2026-01-31,DE,ada@example.com,3,9.5\n"
GOOD = (HEADER + ROW).encode()
START = reverse("start")
LIMIT = 10_000
BOUNDARY = "a-boundary"


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
