"""The demo's start page: its form, its list of imports, and that junk does no harm."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from demo_project.handlers.import_table import build_import
from django_tasks_poc import EntityWrapper, TaskBuilder
from django_tasks_poc.models import Task
from django_tasks_poc.testing import run_pending

from ..handlers_admin import FanOut
from .pages import START, page_of, text_of

pytestmark = pytest.mark.django_db


def test_the_start_page_has_a_form_and_no_imports_yet(client: Client) -> None:
    page = text_of(client, START)
    for part in ('enctype="multipart/form-data"', "csrfmiddlewaretoken", "No table was imported yet", "100.0\xa0MB"):
        assert part in page, part
    assert reverse("admin:django_tasks_poc_task_changelist") in page


def test_the_start_page_lists_imports_and_nothing_else_newest_first_a_page_at_a_time(
    client: Client, table: Path
) -> None:
    builder = TaskBuilder()
    builder.build(builder.create("Import of something else", EntityWrapper(FanOut, {"good": 1})))
    for number in range(12):
        build_import(table, batch=number + 1, name=f"{number}.csv")
    run_pending()
    titles = [f"Import of {number}.csv" for number in range(11, -1, -1)]

    def shown(query: str = "") -> list[str]:
        return re.findall(r'<bdi dir="auto">(Import of .*?)</bdi></a>', text_of(client, START + query))

    assert shown() == titles[:10]
    assert shown("?page=2") == shown("?page=99") == titles[10:]
    assert 'rel="next">Older' in text_of(client, START)


@pytest.mark.parametrize(
    "query", ["?page=x", "?page=-1", "?page=0", f"?page={'9' * 400}", "?page=%00", "?page=%ff&page[]=1", "?table=x"]
)
def test_junk_in_an_address_shows_some_page(client: Client, table: Path, query: str) -> None:
    build_import(table)
    assert "Import of orders.csv" in text_of(client, START + query)
    assert client.get(START, headers={"content-length": "999999999999"}).status_code == 200


def test_the_list_costs_the_same_however_many_imports_there_are(client: Client, table: Path) -> None:
    costs = []
    for number in range(1, 9):
        build_import(table, batch=number)
        with CaptureQueriesContext(connection) as queries:
            text_of(client, START)
        costs.append(len(queries))
    assert set(costs) == {2}


def test_a_task_whose_state_cannot_be_read_does_not_hide_the_others(client: Client, table: Path) -> None:
    build_import(table, name="good.csv")
    bad = build_import(table, name="bad.csv")
    Task.objects.filter(uuid=bad.uuid).update(state="<b>")
    page = text_of(client, START)
    assert "Import of good.csv" in page
    assert "&lt;b&gt;</span>" in page


def test_hostile_words_do_no_harm(client: Client, table: Path) -> None:
    task = build_import(table, name="</title><script>alert(1)</script>.csv")
    Task.objects.filter(uuid=task.uuid).update(message="<script>alert(2)</script>", created_by="<i>", state="ERROR")
    for url in (START, page_of(task)):
        page = text_of(client, url)
        assert "<script>alert" not in page
        assert "<i>" not in page


def test_pages_have_no_script_and_style_of_their_own(client: Client, table: Path) -> None:
    task = build_import(table)
    for _ in range(2):
        for url in (START, page_of(task)):
            assert not re.search(
                r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)|https?://(?!www.w3.org)",
                text_of(client, url),
            )
        run_pending()


def test_every_static_file_of_a_page_is_there(client: Client, table: Path) -> None:
    pages = text_of(client, START) + text_of(client, page_of(build_import(table)))
    names = set(re.findall(r'"/static/([^"]+)"', pages))
    assert {"demo_project/demo.css", "demo_project/upload.js", "demo_project/import.js"} < names
    assert [name for name in names if finders.find(name) is None] == []
