"""Waiting for the writer lock of a SQLite file that another connection holds."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection

from django_tasks_poc.storage.orm import sqlite_lock
from django_tasks_poc.storage.orm.locks import single_write, writing

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="about a SQLite file"),
]

#: Milliseconds that the connection waits for a lock in statements that are not ours.
PATIENCE = 4321


@pytest.fixture(params=["IMMEDIATE", None])
def _mode(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever the project's settings say of transactions."""
    connection.ensure_connection()
    connection.transaction_mode = request.param
    connection.connection.execute(f"PRAGMA busy_timeout = {PATIENCE}")
    yield
    connection.close()


@contextmanager
def another_writer() -> Iterator[sqlite3.Connection]:
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield other
    finally:
        other.close()


def patience() -> int:
    return int(connection.connection.execute("PRAGMA busy_timeout").fetchone()[0])


@pytest.mark.usefixtures("_mode")
def test_the_lock_is_asked_for_each_millisecond_until_it_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a lock that is free after a while, then it was we who waited, in short sleeps, and not SQLite in long."""
    sleeps: list[float] = []
    with another_writer() as other:

        def sleep(seconds: float) -> None:
            sleeps.append(seconds)
            if len(sleeps) == 30:
                other.execute("COMMIT")

        monkeypatch.setattr(sqlite_lock, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
        with writing("default"):
            assert patience() == PATIENCE
    assert sleeps == [0.001] * 30


@pytest.mark.usefixtures("_mode")
@pytest.mark.parametrize("write", [writing, single_write])
def test_a_lock_that_is_never_given_back_is_an_error_after_the_timeout(
    write: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.1)
    with another_writer(), pytest.raises(OperationalError, match="database is locked"), write("default"):
        raise AssertionError("it was not to be had")
    assert patience() == PATIENCE
    assert not connection.in_atomic_block
    with write("default"):
        pass
