"""A database that is not as it should be: somebody is told once, in words; nothing is lost, and all goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from django_tasks_poc import EntityWrapper, State, TaskBuilder, TaskViewer
from django_tasks_poc.exceptions import NodeNotConfigured, NotMigrated
from django_tasks_poc.manager import TaskManagerOptions
from django_tasks_poc.manager.by_hand import rehearse, run_by_hand
from django_tasks_poc.models import ManagerProcess, Task, TaskStage
from django_tasks_poc.node import nodes
from django_tasks_poc.testing import run_pending

from ..building import build
from ..handlers import Noop
from ..managers import Manager, manager
from ..process.handlers import Step
from ..process.witness import notes
from ..storage.consistency import assert_consistent
from ..support import run_manage, run_manager
from . import noting_settings, outages, tasks_database_settings
from .outages import ANSWERS, FAILS
from .sql import AtomicQueries, Queries, Tells

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("witness")]

on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="about a SQLite file")
on_postgres = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="needs PostgreSQL: DATABASE_URL=postgres://postgres@127.0.0.1:5432/test"
)
NODE = "Node 'nowhere' is not in DJANGO_TASKS_POC['NODES']. Configured: default, even, odd."


def missing() -> str:
    """Return how this database says that a table is not there."""
    return {
        "sqlite": "no such table: {0}",
        "postgresql": 'relation "{0}" does not exist',
        "mysql": f"Table '{connection.settings_dict['NAME']}.{{0}}' doesn't exist",
    }[connection.vendor]


def said_once(running: Manager) -> None:
    """Hold what the manager said to one line for the trouble and one for its end."""
    assert running.said.count(FAILS) == running.said.count(ANSWERS) == 1, running.said
    assert "Traceback" not in running.said


def states(task: Task) -> set[str]:
    return set(TaskStage.objects.filter(task=task).values_list("state", flat=True))


# Without tables.


@pytest.fixture
def without_tables(transactional_db: None) -> Iterator[str]:
    """A database in which our migrations were not run; gives the name of a table that is missed."""
    call_command("migrate", "django_tasks_poc", "zero", verbosity=0)
    yield missing()
    call_command("migrate", verbosity=0)


def words(missing: str, table: str) -> str:
    reason = missing.format(f"django_tasks_poc_{table}")
    return f"Database 'default' lacks tables of django_tasks_poc ({reason}). Run manage.py migrate."


def test_a_manager_that_drains_without_tables_says_what_to_run(without_tables: str) -> None:
    run = run_manager(timeout=30)
    assert (run.returncode, run.stdout) == (2, "")
    (line,) = run.stderr.splitlines()
    assert line.startswith("CommandError: Database 'default' lacks migrations of django_tasks_poc: 0001_initial, ")
    assert line.endswith(". Run manage.py migrate.")


def test_what_is_built_viewed_or_run_by_hand_without_tables_says_what_to_run(without_tables: str) -> None:
    with pytest.raises(NotMigrated) as built:
        build("bad", EntityWrapper(Noop))
    with pytest.raises(NotMigrated) as found:
        nodes["default"].task_query.get(uuid4())
    with pytest.raises(NotMigrated) as viewed:
        TaskViewer().get(uuid4())
    assert {str(error.value) for error in (built, found, viewed)} == {words(without_tables, "task")}
    with pytest.raises(CommandError) as refused:
        call_command("handle_stage", "--task", str(uuid4()), "--stage", str(uuid4()))
    assert (str(refused.value), refused.value.returncode) == (words(without_tables, "taskstage"), 2)


def test_the_admin_without_tables_says_what_to_run(without_tables: str, admin_client: Client, admin_user: User) -> None:
    for page, table in (
        (reverse("admin:django_tasks_poc_task_changelist"), "task"),
        (reverse("admin:django_tasks_poc_task_change", args=[uuid4()]), "task"),
    ):
        shown = admin_client.get(page, follow=True)
        assert shown.redirect_chain == [(reverse("admin:index"), 302)]
        assert [str(message) for message in shown.context["messages"]] == [words(without_tables, table)]


@pytest.mark.django_db(transaction=True, databases=["default", "even", "odd"])
def test_the_page_of_managers_tells_which_database_lacks_tables_and_shows_the_others(
    without_tables: str, admin_client: Client
) -> None:
    shown = admin_client.get(reverse("admin:django_tasks_poc_managerprocess_changelist")).content.decode()
    assert escape(words(without_tables, "managerprocess")) in shown
    assert 'node=even"' in shown


def test_a_database_of_its_own_is_named_in_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", tasks_database_settings.__name__)
    monkeypatch.setenv(tasks_database_settings.VARIABLE, str(tmp_path / "tasks.sqlite3"))
    run = run_manage("run_task_manager", "--node", "mail", "--drain", timeout=30)
    assert run.returncode == 2
    assert run.stderr.startswith("CommandError: Database 'tasks' lacks migrations of django_tasks_poc: 0001_initial, ")
    assert run.stderr.endswith(". Run manage.py migrate --database tasks.\n")
    assert run_manage("migrate", "--database", "tasks", timeout=60).returncode == 0
    assert (tmp_path / "tasks.sqlite3").stat().st_size > 0


def test_a_table_that_a_handler_misses_is_its_own_error() -> None:
    """Given handlers that read tables which are not there, however called, then no manager takes it for its own."""
    tables = ("shop_orders", "django_tasks_poc_orders")
    stages = [EntityWrapper(handler, {"table": table}) for handler in (Queries, AtomicQueries) for table in tables]
    task = build("queries", *stages, *[EntityWrapper(Noop)] * 3, parallel=True)
    run = run_manager()
    assert run.returncode == 1
    assert FAILS not in run.stderr
    assert "Traceback" not in run.stderr
    found = [TaskStage.objects.get(task=task, order=order) for order in range(7)]
    assert [stage.state for stage in found] == ["ERROR"] * 4 + ["SUCCESS"] * 3
    error = {
        "sqlite": f"OperationalError: {missing()}",
        "postgresql": f"ProgrammingError: {missing()}",
        "mysql": f'ProgrammingError: (1146, "{missing()}")',
    }[connection.vendor]
    assert [stage.message.partition("\n")[0] for stage in found[:4]] == [error.format(table) for table in tables * 2]
    # What an atomic one wrote is taken back.
    assert sorted(Group.objects.values_list("name", flat=True)) == [f"Queries {table}" for table in sorted(tables)]
    assert_consistent()


# Away for a while.


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have managers note each try to connect."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", noting_settings.__name__)


@on_sqlite
def test_a_lock_is_waited_for(noted: None) -> None:
    task = build("steps", *[EntityWrapper(Step)] * 3)
    with outages.locked(), manager("--drain") as running:
        line = "The database has not answered for 3 s; waiting. Does somebody hold a lock on it?"
        running.wait_until(lambda: line in running.said, "it says that it waits")
        assert notes("step") == []
        outages.execute("COMMIT")
        assert running.ended() == 0, running.said
        assert (running.said.count(line), running.said.count(ANSWERS), running.said.count(FAILS)) == (1, 1, 0)
    assert (states(task), len(notes("step"))) == ({State.SUCCESS}, 3)
    assert_consistent()


@on_sqlite
def test_a_full_disk_is_waited_for(noted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with outages.ballast() as pages:
        task = build("tells", *[EntityWrapper(Tells)] * 6, EntityWrapper(Step), parallel=True)
        monkeypatch.setenv(noting_settings.PAGES, str(pages + 10))
        with manager("--drain") as running:
            running.wait_until(lambda: FAILS in running.said, "it says that the disk is full")
            outages.wait_for_tries(running)
            assert State.SUCCESS not in states(task)
            outages.execute("DROP TABLE ballast")
            assert running.ended() == 0, running.said
            said_once(running)
            assert f"{FAILS}database or disk is full" in running.said
    assert (states(task), len(notes("step"))) == ({State.SUCCESS}, 1)
    assert {len(text) for text in TaskStage.objects.filter(order__lt=6).values_list("response", flat=True)} == {100_002}
    assert_consistent()


@on_sqlite
def test_a_file_that_may_be_read_only_is_left_as_it_is(noted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    task = build("steps", *[EntityWrapper(Step)] * 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(noting_settings.READ_ONLY, "1")
        with manager("--drain") as running:
            running.wait_until(lambda: FAILS in running.said, "it says that it may not write")
            outages.wait_for_tries(running)
            assert running.stop(seconds=5) == 0, running.said
            assert running.said.count(f"{FAILS}attempt to write a readonly database") == 1
            assert "works on node" not in running.said
    assert not ManagerProcess.objects.exists()
    # When it may be written again, then another manager finds all as it was.
    assert run_manager().returncode == 0
    assert (states(task), len(notes("step"))) == ({State.SUCCESS}, 3)


@on_postgres
def test_a_database_that_may_be_read_only_is_waited_for(noted: None) -> None:
    with manager() as running:
        running.wait_until_up()
        with outages.read_only():
            task = build("steps", *[EntityWrapper(Step)] * 3)
            running.wait_until(lambda: FAILS in running.said, "it says that the database fails")
            outages.wait_for_tries(running)
            assert states(task) == {State.READY}
        running.wait_until(lambda: states(task) == {State.SUCCESS}, "it goes on")
        assert running.stop() == 0
        # Two troubles: its connection ended, and it may not write. With a read between them both are told.
        assert running.said.count(FAILS) == running.said.count(ANSWERS) <= 2, running.said
        assert "Traceback" not in running.said
    assert len(notes("step")) == 3
    assert_consistent()


@on_postgres
def test_a_server_that_starts_anew_is_waited_for(noted: None) -> None:
    task = build("steps", *[EntityWrapper(Step, {"seconds": 0.05})] * 60, parallel=True)
    with manager("--drain", "--queue-size", "4") as running:
        running.wait_until(lambda: notes("step"), "it works")
        with outages.away():
            running.wait_until(lambda: FAILS in running.said, "it says that the server is away")
            outages.wait_for_tries(running)
        assert running.ended() == 0, running.said
        said_once(running)
        assert running.said.count("the connection that listens broke") == 1
    assert (states(task), len(notes("step"))) == ({State.SUCCESS}, 60)
    assert_consistent()


# Of a node that is not there.


@pytest.mark.parametrize(
    "ask",
    [
        lambda: TaskBuilder("nowhere"),
        lambda: TaskViewer("nowhere"),
        lambda: nodes["nowhere"],
        lambda: nodes["nowhere"].task_query,
        lambda: TaskManagerOptions(node="nowhere"),
        lambda: run_pending("nowhere"),
        lambda: run_by_hand("nowhere", uuid4(), uuid4()),
        lambda: rehearse("nowhere", uuid4(), uuid4()),
        *[
            lambda verb=verb: getattr(Task(uuid=UUID(int=1), node="nowhere"), verb)()
            for verb in ("pause", "resume", "cancel", "retry_failed")
        ],
    ],
)
def test_a_node_that_is_not_configured_is_named_with_those_that_are(ask: Callable[[], Any]) -> None:
    with pytest.raises(NodeNotConfigured) as refused:
        ask()
    assert str(refused.value) == NODE
