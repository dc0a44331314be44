"""The demo's page of an import: what it shows of each, and at what cost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from demo_project.handlers.import_table import Parse, build_import
from demo_project.imports import PARSE
from demo_project.models import Order
from django_tasks_poc import State
from django_tasks_poc.models import Task, TaskStage
from django_tasks_poc.serialization import class_path
from django_tasks_poc.testing import run_pending, run_task

from ..support_rows import add_stages
from ..support_storage import Store
from .pages import HEADER, START, new_import, page_of, said_by, text_of

pytestmark = pytest.mark.django_db


def test_an_import_from_its_build_to_its_result(client: Client, table: Path) -> None:
    task = build_import(table, batch=50, name="May <b>&.csv", by="ann")
    page = text_of(client, page_of(task))
    for part in ("Will begin soon", 'data-state="READY"', "by ann", "May &lt;b&gt;&amp;.csv", 'http-equiv="refresh"'):
        assert part in page, part
    assert "<b>&" not in page
    assert "import.js" in page

    run_task(task)
    page = text_of(client, page_of(task))
    for part in (
        "193 rows loaded, 7 rejected",
        'data-state="SUCCESS" data-finished', 'aria-valuenow="100"', "4 of 4", "Bad date",
        "Top 5 of ",
        page_of(task, "rejects"), reverse("admin:django_tasks_poc_task_change", args=[task.uuid]),
    ):  # fmt: skip
        assert part in page, part
    numbers = dict(re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", page))
    assert numbers.items() >= {"Rows": "200", "Loaded": "193", "Rejected": "7"}.items()
    assert "http-equiv" not in page
    assert "import.js" not in page


def test_the_totals_are_those_of_the_orders(client: Client, table: Path) -> None:
    task = build_import(table)
    run_pending()
    sums: dict[str, Any] = {}
    for order in Order.objects.filter(upload=task.uuid):
        sums[order.country] = sums.get(order.country, 0) + order.total
    top = sorted(sums, key=lambda country: -sums[country])[:5]
    shown = re.findall(r'<th scope="row">([A-Z]{2})</th><td[^>]*>([0-9,.]+)</td>', text_of(client, page_of(task)))
    assert shown == [(country, f"{sums[country]:,.2f}") for country in top]


def test_the_first_handler_tells_an_import() -> None:
    assert class_path(Parse) == PARSE


@pytest.mark.parametrize("size", [1, 500])
def test_pages_cost_the_same_however_many_batches_there_are(client: Client, size: int) -> None:
    store = Store()
    task = new_import(store)
    nested = store.wait(store.claim()[0], 1)
    if size > 1:
        add_stages(nested, size - 1, state=State.SUCCESS, finished_at=timezone.now())
    for name in ("import", "import-json"):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(page_of(task, name)).status_code == 200
        asks_the_time = connection.vendor != "sqlite"  # whose time is this host's
        assert len(queries) <= 8 + asks_the_time
    assert said_by(client, task)["total"] == size


def test_a_table_that_cannot_be_read_to_its_end_says_what_to_do(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(f'{HEADER}"ORD-1,2026-01-31\n')
    task = build_import(path)
    run_pending()
    page = text_of(client, page_of(task))
    for part in (
        'data-state="ERROR" data-finished',
        "Line 2: a quoted field is not closed on its line",
        "Correct the table",
        "Retry what",
    ):
        assert part in page, part
    assert "What came of it" not in page
    assert "Line 2: a quoted field" in text_of(client, page_of(task))


def test_a_table_without_rows_is_imported_whole(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(HEADER)
    task = build_import(path)
    run_pending()
    page = text_of(client, page_of(task))
    assert "0 rows loaded, 0 rejected" in page
    assert 'aria-valuenow="100"' in page
    assert page_of(task, "rejects") not in page


@pytest.mark.parametrize("state", State.values)
def test_every_state_has_a_page(client: Client, table: Path, state: str) -> None:
    task = build_import(table)
    Task.objects.filter(uuid=task.uuid).update(state=state)
    TaskStage.objects.filter(task=task).update(state=state, progress='[1,2,"rows"]')
    assert client.get(page_of(task)).status_code == 200
    assert json.loads(client.get(page_of(task, "import-json")).content)["is_open"] is True
    assert client.get(START).status_code == 200
