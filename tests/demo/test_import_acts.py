"""What can be asked of an import: its rejects, and the verbs; and what cannot."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

from demo_project.handlers.import_table import build_import
from demo_project.models import Order, Report
from django_tasks_poc import EntityWrapper, State, TaskBuilder
from django_tasks_poc.models import Task, TaskEvent
from django_tasks_poc.testing import run_pending

from ..handlers_admin import Say
from .pages import BAD, HEADER, ROWS, START, act, page_of, text_of

pytestmark = pytest.mark.django_db


def test_batches_that_failed_are_shown_and_retried(client: Client, table: Path) -> None:
    task = build_import(table, batch=50)
    blocker = Order.objects.create(
        upload=task.uuid, line=70, order_id="x", day="2026-01-01", country="DE", quantity=1, price=1, total=1
    )
    run_pending()
    page = text_of(client, page_of(task))
    for part in ("1 batch failed", "Lines 52 to 101", "IntegrityError", "In failed batches", "Retry what failed"):
        assert part in page, part
    blocker.delete()
    assert act(client, task, "retry").status_code == 303
    run_pending()
    assert "1 batch failed" not in text_of(client, page_of(task))
    assert Report.objects.get(upload=task.uuid).loaded == ROWS - BAD


def test_rejected_rows_are_handed_out_under_the_name_that_the_table_came_with(client: Client, table: Path) -> None:
    task = build_import(table, name='Mai "2026"; Ärger.csv')
    assert client.get(page_of(task, "rejects")).status_code == 404
    run_pending()
    response = client.get(page_of(task, "rejects"))
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in response["Content-Disposition"]
    assert "Mai%20%222026%22%3B%20%C3%84rger.rejects.csv" in response["Content-Disposition"]
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert (lines[0], len(lines)) == ("line,reason,text", BAD + 1)

    Path(Report.objects.get(upload=task.uuid).rejects_path).unlink()
    assert client.get(page_of(task, "rejects")).status_code == 404


@pytest.mark.parametrize("path", ["?path=/etc/passwd", "?rejects_path=../../manage.py"])
def test_nobody_chooses_what_file_is_handed_out(client: Client, table: Path, path: str) -> None:
    task = build_import(table)
    run_pending()
    content = b"".join(client.get(page_of(task, "rejects") + path).streaming_content)
    assert content.startswith(b"line,reason,text\n")


def test_an_import_is_paused_resumed_and_canceled(client: Client, table: Path) -> None:
    client.force_login(User.objects.create_user("ann"))
    task = build_import(table)
    for verb, state, words in (
        ("pause", "PAUSED", "Paused at 0 of 2"),
        ("resume", "READY", "Will begin soon"),
        ("cancel", "CANCELED", "Canceled at 0 of 2"),
    ):
        response = act(client, task, verb)
        assert (response.status_code, response["Location"]) == (303, page_of(task))
        page = text_of(client, page_of(task))
        assert words in page
        assert f'data-state="{state}"' in page
    assert list(TaskEvent.objects.order_by("at").values_list("verb", "by")) == [
        ("pause", "ann"), ("resume", "ann"), ("cancel", "ann"),
    ]  # fmt: skip
    assert act(client, task, "pause").status_code == 303  # too late, and no harm


def test_a_retry_that_is_refused_says_why(client: Client, tmp_path: Path) -> None:
    """Given a failed import, when the same table is imported again meanwhile, then the first cannot be retried."""
    path = tmp_path / "orders.csv"
    path.write_text(f'{HEADER}"x\n')
    failed = build_import(path)
    run_pending()
    build_import(path)
    assert "with the same unique key is still open" in client.post(
        page_of(failed, "act", "retry"), follow=True
    ).content.decode()  # fmt: skip


def test_buttons_need_a_post_and_a_token(client: Client, table: Path) -> None:
    task = build_import(table)
    assert client.get(page_of(task, "act", "cancel")).status_code == 405
    assert act(Client(enforce_csrf_checks=True), task, "cancel").status_code == 403
    assert act(client, task, "save").status_code == 404
    assert act(client, uuid4(), "cancel").status_code == 404
    assert Task.objects.get(uuid=task.uuid).state == State.READY


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_pages_are_only_read(client: Client, table: Path, method: str) -> None:
    task = build_import(table)
    for name in ("import", "import-json", "rejects"):
        assert getattr(client, method)(page_of(task, name)).status_code == 405
    assert client.put(START).status_code == 405


def test_an_unknown_import_is_not_found(client: Client, table: Path) -> None:
    builder = TaskBuilder()
    other = builder.build(builder.create("No import", EntityWrapper(Say)))
    build_import(table)
    run_pending()
    for uuid in (uuid4(), other.uuid, Task.objects.get(depth=1).uuid):
        assert client.get(page_of(uuid)).status_code == 404
        response = client.get(page_of(uuid, "import-json"))
        assert (response.status_code, response["Content-Type"]) == (404, "application/json")
        assert response.json() == {"error": f"There is no import {uuid}."}


@pytest.mark.parametrize("key", ["x", "1", "00000000-0000-0000-0000-00000000000g", "../admin", "%00", "'"])
@pytest.mark.parametrize("end", ["/", ".json", "/rejects.csv", "/pause/"])
def test_what_is_no_uuid_is_not_found(client: Client, key: str, end: str) -> None:
    assert client.get(f"/imports/{key}{end}").status_code == 404
