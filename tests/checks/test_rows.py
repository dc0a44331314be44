"""What ``check --database`` finds in a database: migrations that are missing, handlers that are gone."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_tasks_poc import EntityFinally, EntityWrapper
from django_tasks_poc.node import nodes
from django_tasks_poc.testing import run_pending

from ..building import build
from ..handlers import Noop
from ..support import run_manage
from .found import found

pytestmark = pytest.mark.django_db(transaction=True)

CHECK = ("check", "--database", "default", "--fail-level", "WARNING")


@pytest.fixture
def one_missing() -> Iterator[None]:
    """A database that lacks all of our migrations but the first."""
    call_command("migrate", "django_tasks_poc", "0001", verbosity=0)
    yield
    call_command("migrate", verbosity=0)


@pytest.fixture
def gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A handler and a finally that this process can import, and others cannot."""
    (tmp_path / "gone_jobs.py").write_text(
        "from django_tasks_poc import EntityFinally, TaskHandlerBase\n\n\n"
        "class Load(TaskHandlerBase):\n    def handle(self, context):\n        return self.success()\n\n\n"
        "class Tell(EntityFinally):\n    def handle(self, uuid, outcome):\n        pass\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "gone_jobs"
    sys.modules.pop("gone_jobs", None)


def test_a_database_that_is_as_it_must_be_has_nothing_to_be_told_of() -> None:
    build("fine", EntityWrapper(Noop))
    assert found(databases=["default"]) == {}
    assert run_manage(*CHECK).returncode == 0


def test_migrations_that_are_missing_are_an_error(one_missing: None) -> None:
    checked = run_manage(*CHECK)
    assert checked.returncode == 1
    assert "(django_tasks_poc.E005) Database 'default' lacks migrations of django_tasks_poc: 0002_" in checked.stderr
    assert "HINT: Run manage.py migrate. Until then its managers wait." in checked.stderr
    assert found() == {}  # nobody looks there unasked


def test_migrate_does_not_complain_of_what_it_is_about_to_do(one_missing: None) -> None:
    migrated = run_manage("migrate")
    assert migrated.returncode == 0
    assert "E005" not in migrated.stderr + migrated.stdout


def test_handlers_of_open_tasks_that_cannot_be_imported_are_named_once(gone: str) -> None:
    tell = EntityWrapper(f"{gone}.Tell")
    for number in range(2):
        build(f"open {number}", EntityWrapper(f"{gone}.Load"), EntityWrapper(Noop), finally_=tell)
    assert found(databases=["default"]) == {}  # here they can
    checked = run_manage(*CHECK)
    assert checked.returncode == 1
    assert checked.stderr.count("(django_tasks_poc.W007)") == 2, checked.stderr
    for name in ("Load", "Tell"):
        assert (
            "Node 'default' has open tasks whose handler is gone: "
            f"gone_jobs.{name} cannot be imported: there is no module gone_jobs."
        ) in checked.stderr
    run_pending()
    assert run_manage(*CHECK).returncode == 0  # of what has ended, nobody needs the handler


def test_a_handler_that_is_none_any_more_is_named() -> None:
    task = build("open", EntityWrapper(Noop))
    type(task).objects.update(options=task.options.replace("tests.handlers.Noop", f"{__name__}.NoHandler"))
    (warning,) = found(databases=["default"]).values()
    assert warning.msg.endswith(f"{__name__}.NoHandler is not a subclass of EntityHandler.")


class NoHandler(EntityFinally):
    def handle(self, uuid: Any, outcome: Any) -> None: ...


def test_what_it_costs_is_bounded() -> None:
    """Given more open tasks than are looked at, then an index finds so many, in one query."""
    for number in range(4):
        build(f"open {number}", EntityWrapper(Noop), timeout=number + 1)
    query = nodes["default"].task_query
    assert len(query.options_of_open(10)) == 4
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert len(query.options_of_open(3)) == 3
    (asked,) = queries.captured_queries
    assert "LIMIT 3" in asked["sql"]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {asked['sql']}")
            assert "dtp_task_active" in str(cursor.fetchall())
