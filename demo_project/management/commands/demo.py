"""Make a table, import it, and show the numbers."""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from demo_project.fake_tables import write_table
from demo_project.handlers.import_table import build_import
from demo_project.management.arguments import add_batch_argument, add_table_arguments, check_batch, check_table
from demo_project.management.hints import admin_url, how_to_look, shown
from demo_project.measure import Measured, run_measured
from demo_project.models import Order, Report
from django_tasks_poc import TaskExists
from django_tasks_poc.models import Task

ADMIN = "admin"  # its name and its password


class Command(BaseCommand):
    help = "Make a table of orders, import it through a task manager of its own, and show the numbers."

    def add_arguments(self, parser: CommandParser) -> None:
        add_table_arguments(parser)
        add_batch_argument(parser)
        parser.add_argument("--folder", type=Path, default=settings.BASE_DIR / "demo_data", help="Where it goes.")

    def handle(self, *, rows: int, bad: int, seed: int, batch: int, folder: Path, **options: Any) -> None:
        check_table(rows, bad)
        check_batch(batch)
        call_command("migrate", verbosity=0, interactive=False)
        self.ensure_admin()
        table = self.make_table(folder, rows, bad, seed)
        upload, is_new = self.build(table, batch)
        measured = self.run_manager()
        self.show(self.report_of(upload, rows, bad), measured, is_whole=is_new)
        if measured.exit_code:
            self.stdout.write("Another task in this database failed meanwhile: see the admin.")

    def ensure_admin(self) -> None:
        users = get_user_model().objects
        if not users.filter(username=ADMIN).exists():
            users.create_superuser(ADMIN, password=ADMIN)
            self.stdout.write(f"Made the user {ADMIN} with the password {ADMIN}: for a demo only.")

    def make_table(self, folder: Path, rows: int, bad: int, seed: int) -> Path:
        table = folder / f"orders-{rows}-{bad}-{seed}.csv"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_table(table, rows, bad, seed)
        except OSError as error:
            raise CommandError(f"{table} cannot be written: {error.strerror}. Give another --folder.") from error
        self.stdout.write(f"Made {shown(table)}: {rows:,} rows, {bad:,} of them malformed.")
        return table

    def build(self, table: Path, batch: int) -> tuple[UUID, bool]:
        """Return the task that imports the table, and whether it is a new one."""
        try:
            task = build_import(table, batch)
        except TaskExists as error:
            self.stdout.write(f"Task {error.uuid} of an earlier demo is still open: going on with it.")
            return error.uuid, False
        self.stdout.write(f"Built the task {task.uuid}.")
        return task.uuid, True

    def run_manager(self) -> Measured:
        arguments = ["run_task_manager", "--drain", "--max-stages-per-process", "50"]
        self.stdout.write(f"Running manage.py {' '.join(arguments)}")
        self.stdout.flush()
        try:
            measured = run_measured([sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments])
        except KeyboardInterrupt:
            raise CommandError("Stopped. Nothing is lost: run the same demo again, and it goes on.") from None
        if measured.exit_code not in (0, 1):  # 1: a task failed
            raise CommandError(f"The task manager ended with exit code {measured.exit_code}. Run the same demo again.")
        return measured

    def report_of(self, upload: UUID, rows: int, bad: int) -> Report:
        """Return the report of the import, once its numbers hold against the database and the rejects file."""
        look = f"Look at {admin_url(upload)}"
        report = Report.objects.filter(upload=upload).first()
        if report is None:
            task = Task.objects.get(uuid=upload)
            raise CommandError(f"The import is {task.state} and has no report: {task.message} {look}")
        loaded = Order.objects.filter(upload=upload).count()
        rejected = sum(reasons_in(report).values())
        if (loaded, rejected) != (report.loaded, report.rejected):
            raise CommandError(f"The report says otherwise: {loaded:,} orders stored, {rejected:,} rejects. {look}")
        if loaded + rejected != rows or rejected != bad:
            raise CommandError(f"{loaded:,} loaded and {rejected:,} rejected, not {rows - bad:,} and {bad:,}. {look}")
        return report

    def show(self, report: Report, measured: Measured, *, is_whole: bool) -> None:
        lines = [("rows in the table", f"{report.rows:,}"), ("loaded", f"{report.loaded:,}")]
        lines.append(("rejected", f"{report.rejected:,}"))
        lines += [(f"  {reason}", f"{count:,}") for reason, count in sorted(reasons_in(report).items())]
        lines.append(("loaded + rejected", f"{report.loaded + report.rejected:,}"))
        lines.append(("batches", f"{report.batches:,}"))
        lines.append(("wall time", f"{measured.seconds:.1f} s"))
        if is_whole:  # else an earlier demo has done a part
            lines.append(("rows per second", f"{report.rows / measured.seconds:,.0f}"))
        lines.append(("peak memory of the manager", f"{measured.peak_bytes / 2**20:.0f} MiB"))
        self.stdout.write("\n" + "\n".join(f"{name:<28}{value:>12}" for name, value in lines))
        self.stdout.write(f"\nThe task:    {how_to_look(report.upload)}")
        self.stdout.write(f"             (user {ADMIN}, password {ADMIN} unless you changed it)")
        self.stdout.write(f"The rejects: {shown(report.rejects_path)}")


def reasons_in(report: Report) -> Counter[str]:
    with open(report.rejects_path, encoding="utf-8", newline="") as file:
        return Counter(row["reason"] for row in csv.DictReader(file))
