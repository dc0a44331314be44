"""The demo's import, through real processes: orders, report, rejects, refusals, and a batch that fails."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Sum

from demo_project.fake_tables import KINDS, write_table
from demo_project.handlers.import_table import build_import
from demo_project.models import Order, Report
from demo_project.rows import COLUMNS
from django_tasks_poc import State
from django_tasks_poc.models import Task

from .support import run_manage, run_manager

ROWS, BAD = 2_000, 37
HEADER = ",".join(COLUMNS) + "\n"
#: SHA-256 of what the import of the table says, in batches of 1,000.
REPORT = "12f9c51385e5411017a8c11fb99564c54e99b117ee9021533f3a3070335227a2"
REJECTS = "74a637fb98307400472ef04ca62dca8af3fc867e25071b5c2b0058be1f1e53fe"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    write_table(path, ROWS, BAD, seed=1)
    return path


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def drain(exit_code: int = 0) -> None:
    ended = run_manager()
    assert ended.returncode == exit_code, ended.stderr


def rejects_of(report: Report) -> list[dict[str, str]]:
    with open(report.rejects_path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.django_db(transaction=True)
def test_a_table_is_loaded_and_every_other_row_is_reported(table: Path) -> None:
    task = build_import(table, batch=300)
    drain()
    task.refresh_from_db()
    report, orders = Report.objects.get(upload=task.uuid), Order.objects.filter(upload=task.uuid)
    assert (task.state, task.message) == (State.SUCCESS, "1,963 rows loaded, 37 rejected")
    assert (report.rows, report.loaded, report.rejected, report.batches) == (ROWS, ROWS - BAD, BAD, 7)

    rejects = rejects_of(report)
    lines = [int(row["line"]) for row in rejects]
    assert [row["reason"] for row in rejects] == [KINDS[n % len(KINDS)] for n in range(BAD)]
    assert lines == sorted(lines)
    content = table.read_text().splitlines()
    assert all(content[int(row["line"]) - 1] == row["text"] for row in rejects)
    assert sorted([*lines, *orders.values_list("line", flat=True)]) == list(range(2, ROWS + 2))

    said = json.loads(report.text)
    assert said["failed_batches"] == []
    assert sum(said["rejected"].values()) == BAD
    stored = {(row["country"], row["day"].isoformat()): row["sum"] for row in sums_by_country_and_day(orders)}
    assert {(c, d): Decimal(total) for c, days in said["totals"].items() for d, total in days.items()} == stored
    assert Decimal(said["total"]) == sum(stored.values())


def sums_by_country_and_day(orders: Any) -> Any:
    return orders.order_by().values("country", "day").annotate(sum=Sum("total"))


@pytest.mark.django_db(transaction=True)
def test_a_second_import_of_a_table_has_the_same_report_and_its_own_orders(table: Path) -> None:
    uuids = []
    for _ in range(2):
        uuids.append(build_import(table, batch=1_000).uuid)
        drain()
    first, second = (Report.objects.get(upload=uuid) for uuid in uuids)
    assert first.text == second.text
    assert Path(first.rejects_path).read_bytes() == Path(second.rejects_path).read_bytes()
    # The suite runs on each database; whatever it is, these are the bytes.
    assert (digest(first.text.encode()), digest(Path(first.rejects_path).read_bytes())) == (REPORT, REJECTS)
    assert [Order.objects.filter(upload=uuid).count() for uuid in uuids] == [ROWS - BAD] * 2


def an_import_with_a_batch_that_fails(table: Path) -> tuple[Task, Order]:
    """Return an import that has ended and what kept line 600 from being stored: an order in its place."""
    task = build_import(table, batch=500)
    blocker = Order.objects.create(
        upload=task.uuid, line=600, order_id="x", day="2026-01-01", country="DE", quantity=1, price=1, total=1
    )
    drain()
    return task, blocker


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_fails_leaves_no_order_and_is_in_the_report(table: Path) -> None:
    task, blocker = an_import_with_a_batch_that_fails(table)
    report = Report.objects.get(upload=task.uuid)
    (failed,) = json.loads(report.text)["failed_batches"]
    assert (failed["first_line"], failed["last_line"]) == (502, 1001)
    assert "IntegrityError" in failed["message"]
    assert (report.rows, report.loaded + report.rejected) == (ROWS, 1_500)
    assert Order.objects.filter(upload=task.uuid, line__range=(502, 1001)).get() == blocker


@pytest.mark.django_db(transaction=True)
def test_after_a_retry_it_is_as_if_no_batch_had_failed(table: Path) -> None:
    task, blocker = an_import_with_a_batch_that_fails(table)
    blocker.delete()
    task.retry_failed()
    drain()
    report = Report.objects.get(upload=task.uuid)
    assert (report.loaded, report.rejected) == (ROWS - BAD, BAD)
    assert json.loads(report.text)["failed_batches"] == []
    assert Order.objects.filter(upload=task.uuid).count() == ROWS - BAD


@pytest.mark.django_db(transaction=True)
def test_a_table_without_rows_has_a_report(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(HEADER)
    task = build_import(path)
    drain()
    report = Report.objects.get(upload=task.uuid)
    assert (report.rows, report.loaded, report.rejected, report.batches) == (0, 0, 0, 0)
    assert rejects_of(report) == []


@pytest.mark.django_db(transaction=True)
def test_what_shows_only_when_all_is_read_ends_the_task_in_an_error_that_names_the_place(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(HEADER.encode() + b"\xff\n")
    task = build_import(path)
    drain(exit_code=1)
    task.refresh_from_db()
    assert (task.state, task.message) == (State.ERROR, f"line 2 is not UTF-8: 0xff at byte offset {len(HEADER)}")
    assert not Report.objects.exists()


@pytest.mark.django_db
def test_import_table_builds_a_task_and_says_what_to_do_next(table: Path) -> None:
    output = io.StringIO()
    call_command("import_table", str(table), "--batch", "100", stdout=output)
    task = Task.objects.get()
    assert f"Task {task.uuid} imports {table} in batches of 100 rows." in output.getvalue()
    assert "manage.py run_task_manager --node default --drain" in output.getvalue()
    assert f"/{task.uuid}/" in output.getvalue()
    with pytest.raises(CommandError, match=f"Task {task.uuid} imports this file already"):
        call_command("import_table", str(table), "--batch", "100")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["make_table", "x.csv", "--rows", "-1"], "--rows is -1: give 0 or more"),
        (["make_table", "x.csv", "--rows", "10", "--bad", "11"], "--bad is 11: give 0 to 10"),
        (["make_table", "x.csv", "--bad", "-1"], "--bad is -1"),
        (["make_table", "."], "is a folder: give the name of a file in it"),
        (["make_table", "no/such/folder/x.csv"], "cannot be written: No such file or directory"),
        (["import_table", "no-such.csv"], "does not exist. Give an orders table"),
        (["import_table", "no-such.csv", "--batch", "0"], "--batch is 0: give 1 to 2000"),
        (["import_table", "no-such.csv", "--batch", "2001"], "--batch is 2001: give 1 to 2000"),
        (["demo", "--rows", "5", "--bad", "6"], "--bad is 6: give 0 to 5"),
        (["demo", "--batch", "0"], "--batch is 0"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError) as refused:
        call_command(*arguments)
    assert message in str(refused.value)


@pytest.mark.django_db
def test_an_unknown_node_is_refused(table: Path) -> None:
    with pytest.raises(CommandError, match="no-such"):
        call_command("import_table", str(table), "--node", "no-such")


@pytest.mark.django_db(transaction=True)
def test_the_demo_runs_twice_and_its_numbers_add_up(tmp_path: Path) -> None:
    arguments = ("demo", "--rows", str(ROWS), "--bad", str(BAD), "--batch", "500", "--folder", str(tmp_path))
    for _ in range(2):
        ended = run_manage(*arguments)
        assert ended.returncode == 0, ended.stderr
        words = dict(line.rsplit(maxsplit=1) for line in ended.stdout.splitlines() if line[-1:].isdigit())
        assert words.items() >= {"rows in the table": "2,000", "loaded": "1,963", "rejected": "37"}.items()
        assert (words["loaded + rejected"], words["batches"]) == ("2,000", "4")
        assert [words[f"  {reason}"] for reason in KINDS] == ["8", "8", "7", "7", "7"]
        assert "peak memory of the manager" in ended.stdout
        assert f"/{Report.objects.first().upload}/" in ended.stdout  # type: ignore[union-attr]
    assert Report.objects.count() == 2
