"""What an atomic stage writes to a database that is not the one of its transaction."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connections

from django_tasks_poc import EntityWrapper, State, TaskHandlerBase
from django_tasks_poc.exceptions import InvalidHandler
from django_tasks_poc.runtime.elsewhere import no_writes_but_on
from django_tasks_poc.testing import run_task

from ..building import build

pytestmark = pytest.mark.django_db(databases=["default", "even"])

REFUSED = (
    "An atomic stage may not write to database 'even': its transaction is on 'default', the database of its node, "
    "and takes nothing else back. Write to 'even' in a stage that is not atomic."
)
CREATE = "CREATE TEMPORARY TABLE elsewhere (number integer)"


class WritesElsewhere(TaskHandlerBase):
    """Writes to the database of its node, then to another one."""

    def handle(self, context: Any) -> Any:
        Group.objects.create(name="here")
        with connections["even"].cursor() as cursor:
            cursor.execute(CREATE)
        return self.success("both are written")


class AtomicWritesElsewhere(WritesElsewhere):
    atomic = True


class AtomicReadsElsewhere(TaskHandlerBase):
    atomic = True

    def handle(self, context: Any) -> Any:
        with connections["even"].cursor() as cursor:
            cursor.execute("SELECT 1")
            return self.success("read", cursor.fetchone()[0])


@pytest.mark.parametrize(
    ("handler", "state", "message", "rows"),
    [
        (AtomicWritesElsewhere, State.ERROR, f"InvalidHandler: {REFUSED}", 0),
        (WritesElsewhere, State.SUCCESS, "both are written", 1),
        (AtomicReadsElsewhere, State.SUCCESS, "read", 0),
    ],
)
def test_it_is_an_error_that_takes_all_back(handler: Any, state: State, message: str, rows: int) -> None:
    task = run_task(build("elsewhere", EntityWrapper(handler)))
    assert (task.state, task.message, Group.objects.count()) == (state, message, rows)


@pytest.mark.parametrize(
    "statement",
    [
        CREATE,
        "insert into elsewhere values (1)",
        "\n  UPDATE elsewhere SET number = 2",
        "DELETE FROM elsewhere",
        "-- a remark\nDELETE FROM elsewhere",
        "/* a\nremark */ DROP TABLE elsewhere",
        "(REPLACE INTO elsewhere VALUES (1))",
        "WITH ones AS (SELECT 1) INSERT INTO elsewhere SELECT * FROM ones",
        "truncate elsewhere",
    ],
)
def test_every_write_is_refused_before_it_is_done(statement: str) -> None:
    with no_writes_but_on("default"), connections["even"].cursor() as cursor, pytest.raises(InvalidHandler) as refused:
        cursor.execute(statement)
    assert str(refused.value) == REFUSED


@pytest.mark.parametrize(
    "statement",
    ["SELECT 'DELETE FROM elsewhere'", "WITH ones AS (SELECT 1 AS updated) SELECT * FROM ones", "SELECT 1 -- INSERT"],
)
def test_what_only_reads_is_let_through(statement: str) -> None:
    with no_writes_but_on("default"), connections["even"].cursor() as cursor:
        cursor.execute(statement)
        assert cursor.fetchone()


def test_it_ends_with_the_stage() -> None:
    with no_writes_but_on("default"):
        pass
    with connections["even"].cursor() as cursor:
        cursor.execute(CREATE)
