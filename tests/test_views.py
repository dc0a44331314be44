"""The demo's pages of imports: what they show at each step, what they hand out, and that junk does no harm."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from demo_project.fake_tables import write_table
from demo_project.handlers.import_table import Parse, build_import
from demo_project.imports import PARSE
from demo_project.models import Order, Report
from demo_project.rows import COLUMNS
from django_tasks_poc import EntityWrapper, State, TaskBuilder
from django_tasks_poc.lifecycle import host, process_started
from django_tasks_poc.models import ManagerProcess, Task, TaskEvent, TaskStage
from django_tasks_poc.serialization import class_path
from django_tasks_poc.testing import run_pending, run_task

from .handlers_admin import FanOut, Say
from .support_rows import add_stages
from .support_storage import Store, success, waits

pytestmark = pytest.mark.django_db

ROWS, BAD = 200, 7
HEADER = ",".join(COLUMNS) + "\n"
START = reverse("start")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    write_table(path, ROWS, BAD, seed=1)
    return path


def page_of(task: Task | UUID, name: str = "import", *more: str) -> str:
    return reverse(name, args=[task.uuid if isinstance(task, Task) else task, *more])


def text_of(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def said_by(client: Client, task: Task) -> dict[str, Any]:
    response = client.get(page_of(task, "import-json"))
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert "no-store" in response["Cache-Control"]
    found: dict[str, Any] = response.json()
    return found


def act(client: Client, task: Task | UUID, verb: str) -> Any:
    return client.post(page_of(task, "act", verb))


def new_import(store: Store) -> Task:
    """Return an import to be moved by hand."""
    task = store.root(2)
    TaskStage.objects.filter(task=task, order=0).update(handler=PARSE)
    return task


def add_manager(**values: Any) -> ManagerProcess:
    now = timezone.now()
    return ManagerProcess.objects.create(**{
        "node": "default", "host": host(), "pid": 1, "process_started": process_started(1), "executor": "prefork",
        "queue_size": 8, "version": "1", "started_at": now, "beat_at": now, **values,
    })  # fmt: skip


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


def test_the_json_says_how_far_it_is_at_each_step(client: Client) -> None:
    store = Store()
    task = new_import(store)
    assert said_by(client, task).items() >= {"state": "READY", "say": "Waiting for its turn.", "done": 0}.items()

    (parse,) = store.claim()
    assert said_by(client, task)["say"] == "Reading the table."
    store.stage_command.progress({parse.stage: (parse.token, '[30,120,"bytes read"]')})
    said = said_by(client, task)
    assert (said["say"], said["done"], said["total"]) == ("Reading the table: 25%.", 0.25, 1)
    assert said["task"]["current"][0]["progress"] == {"done": 30, "total": 120, "message": "bytes read"}

    nested = store.promise(parse, 4)
    store.record(waits(parse, nested))
    store.record(success(store.claim(1)[0]))
    said = said_by(client, task)
    assert (said["state"], said["task"]["state"]) == ("RUNNING", "WAITING")
    assert (said["say"], said["done"], said["total"]) == ("Loading the table in batches: 1 of 4 are done.", 1, 4)
    assert said["facts"].items() >= {"Batches done": "1 of 4", "Batches failed": "0", "Batches at work": "0"}.items()

    store.record(*[success(claim) for claim in store.claim(3)])
    (finalise,) = store.claim()
    store.stage_command.progress({finalise.stage: (finalise.token, '[1,2,"batches added up"]')})
    assert said_by(client, task)["say"] == "Adding up what the batches loaded: 50%."
    store.record(success(finalise, "all loaded"))
    said = said_by(client, task)
    assert (said["say"], said["is_open"], said["state"]) == ("All loaded", False, "SUCCESS")


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
        assert len(queries) <= 8
    assert said_by(client, task)["total"] == size


def test_the_list_costs_the_same_however_many_imports_there_are(client: Client, table: Path) -> None:
    costs = []
    for number in range(1, 9):
        build_import(table, batch=number)
        with CaptureQueriesContext(connection) as queries:
            text_of(client, START)
        costs.append(len(queries))
    assert set(costs) == {2}


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


def test_it_says_that_no_manager_runs(client: Client, table: Path) -> None:
    task = build_import(table)
    assert said_by(client, task)["needs_manager"] is True
    words = r'<p class="note">No task manager is running on node default: start one with'
    assert re.search(words, text_of(client, page_of(task)))

    manager = add_manager()
    assert said_by(client, task)["needs_manager"] is False
    assert not re.search(words, text_of(client, page_of(task)))
    manager.delete()
    add_manager(stopped_at=timezone.now())
    add_manager(process_started="long ago")
    add_manager(node="elsewhere")
    assert said_by(client, task)["needs_manager"] is True
    task.pause()
    assert said_by(client, task)["needs_manager"] is False
    task.resume()
    run_pending()
    assert said_by(client, task)["needs_manager"] is False


@pytest.mark.parametrize("state", State.values)
def test_every_state_has_a_page(client: Client, table: Path, state: str) -> None:
    task = build_import(table)
    Task.objects.filter(uuid=task.uuid).update(state=state)
    TaskStage.objects.filter(task=task).update(state=state, progress='[1,2,"rows"]')
    assert client.get(page_of(task)).status_code == 200
    assert json.loads(client.get(page_of(task, "import-json")).content)["is_open"] is True
    assert client.get(START).status_code == 200


def test_a_task_whose_state_cannot_be_read_does_not_hide_the_others(client: Client, table: Path) -> None:
    build_import(table, name="good.csv")
    bad = build_import(table, name="bad.csv")
    Task.objects.filter(uuid=bad.uuid).update(state="<b>")
    page = text_of(client, START)
    assert "Import of good.csv" in page
    assert "&lt;b&gt;</span>" in page


def test_a_canceled_import_that_still_runs_is_watched_to_its_end(client: Client) -> None:
    store = Store()
    task = new_import(store)
    store.claim()
    task.cancel()
    said = said_by(client, task)
    assert (said["state"], said["is_open"]) == ("CANCELED", True)
    assert "What still runs is being stopped." in said["say"]
    assert "Cancel…" not in text_of(client, page_of(task))


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
