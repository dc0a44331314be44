"""A manager on tables that lack migrations waits for them, says so once, and begins when they are there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import OperationalError

from django_tasks_poc import EntityWrapper, State
from django_tasks_poc.exceptions import NotMigrated
from django_tasks_poc.models import ManagerProcess
from django_tasks_poc.node import nodes
from django_tasks_poc.storage.orm.schema import not_migrated
from django_tasks_poc.storage.values import NewManager

from ..building import build
from ..managers import Manager, facts_of, manager
from ..support import run_manager
from .handlers import Step
from .witness import notes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("witness")]

WAITS = "Run manage.py migrate. This manager waits until that is done."
BEGINS = "The migrations are applied; this manager begins."


@pytest.fixture
def migrated() -> Iterator[None]:
    """Put back what a test took away."""
    yield
    migrate()


def migrate(*target: str) -> None:
    call_command("migrate", "django_tasks_poc", *target, verbosity=0)


def told(running: Manager) -> tuple[int, int]:
    """Return how often it said that it waits, and that it begins."""
    assert "Traceback" not in running.said
    return running.said.count(WAITS), running.said.count(BEGINS)


@pytest.mark.parametrize("before", ["zero", "0001"])
def test_a_manager_waits_for_migrations(before: str, migrated: None) -> None:
    migrate(before)
    with manager("--heartbeat", "0.1") as running:
        running.wait_until(lambda: WAITS in running.said, "it says what it waits for")
        assert "Database 'default' lacks migrations of django_tasks_poc: 000" in running.said
        assert ("0001_initial" in running.said) == (before == "zero")
        assert not running.descendants()  # Its fork server would be of no use yet.
        migrate()
        running.wait_until_up()
        task = build("after", EntityWrapper(Step))
        running.wait_until(lambda: notes("step"), "it works")
        assert running.stop() == 0
        assert told(running) == (1, 1)
    task.refresh_from_db()
    assert task.state == State.SUCCESS


def test_a_manager_that_waits_ends_when_it_is_asked_to(migrated: None) -> None:
    migrate("zero")
    with manager() as running:
        running.wait_until(lambda: WAITS in running.said, "it waits")
        assert running.stop(seconds=5) == 0
        assert told(running) == (1, 0)


def test_run_for_and_drain_do_not_wait_for_ever(migrated: None) -> None:
    migrate("zero")
    began = time.monotonic()
    with manager("--run-for", "0.5") as running:
        assert running.ended() == 0
        assert told(running) == (1, 0)
    assert time.monotonic() - began > 0.5
    drained = run_manager("--run-for", "60")
    assert drained.returncode == 2
    assert "lacks migrations of django_tasks_poc: 0001_initial" in drained.stderr


def test_a_manager_whose_tables_go_away_takes_up_work_when_they_are_back(migrated: None) -> None:
    with manager("--heartbeat", "0.1") as running:
        running.wait_until_up()
        migrate("zero")
        running.wait_until(lambda: WAITS in running.said, "it says what it waits for")
        migrate()
        running.wait_until(lambda: BEGINS in running.said, "it begins anew")
        build("after", EntityWrapper(Step))
        running.wait_until(lambda: notes("step"), "it works")
        assert running.stop() == 0
        assert told(running) == (1, 1)


def test_what_ran_when_the_tables_went_away_is_run_when_they_are_back(migrated: None) -> None:
    """Given a stage whose end cannot be written any more, then its manager says at least that it is gone itself."""
    with manager("--heartbeat", "0.1") as running:
        running.wait_until_up()
        task = build("cut off", EntityWrapper(Step, {"seconds": 2}))
        running.wait_until(lambda: task.stages.filter(state=State.RUNNING).exists(), "it runs")
        migrate("0001")
        running.wait_until(lambda: WAITS in running.said, "its manager says what it waits for")
        assert ManagerProcess.objects.filter(stopped_at__isnull=True).count() == 0
        migrate()
        running.wait_until(lambda: facts_of(task, "state") == {"state": State.SUCCESS}, "it is run anew")
        assert running.stop() == 0


def test_a_beat_on_tables_that_lack_a_column_says_what_to_run(migrated: None) -> None:
    """Given a statement that fails for a column alone, which not every database names with its table."""
    command, row = nodes["default"].stage_command, uuid4()
    command.enlist(NewManager(row, "here", 1, "1", "", "prefork", 1, "1"))
    migrate("0003")
    with pytest.raises(NotMigrated, match=r"lacks .*Run manage\.py migrate\.$"):
        command.beat(row, 0, "[]")
    migrate()
    assert not_migrated("default", OperationalError("no such column: price")) is None
