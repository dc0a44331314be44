"""Tables that are sent: stored, imported, and not twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from django_tasks_poc.models import Task
from django_tasks_poc.testing import assert_succeeded, run_pending, run_task

from ..support_threads import at_once
from .sending import (
    GOOD,
    HEADER,
    ROW,
    START,
    error_in,
    left_in,
    send,
)

pytestmark = pytest.mark.django_db


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
