"""Who waits for whose lock, as PostgreSQL and MariaDB (or MySQL) tell it; SQLite has one lock and no such question."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection

_MYSQL_DEADLOCK = 1213


class Deadlock(AssertionError):
    """The server broke a deadlock. Our code would do its transaction again, and nobody would hear of it."""


def require_row_locks(how: str) -> None:
    """Skip, visibly, where no server locks rows; ``how`` says how to run it on one."""
    if connection.vendor == "sqlite":
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(f"A database server is required and DATABASE_URL names none: {how}")
        pytest.skip(f"SQLite locks no rows; run it on a server: {how}")


def prepare() -> int:
    """Have this thread's connection tell of deadlocks; return the server's number of it."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET deadlock_timeout = '10min'")  # who waits in a circle is found waiting
            cursor.execute("SET synchronous_commit = off")
            cursor.execute("SELECT pg_backend_pid()")
        else:
            connection.execute_wrappers.append(_tell_of_deadlocks)
            cursor.execute("SELECT connection_id()")
        (number,) = cursor.fetchone()
    return int(number)


def waits(number: int) -> bool:
    """Say whether the connection waits for a lock."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s", [number])
            return bool(cursor.fetchone() == ("Lock",))
        # Not information_schema.innodb_trx: that is a copy, and not renewed while somebody keeps reading it.
        cursor.execute("SHOW ENGINE INNODB STATUS")
        ((_, _, text),) = cursor.fetchall()
    _, *transactions = text.split("---TRANSACTION ")
    return any(f"thread id {number}," in one and "\nLOCK WAIT " in one for one in transactions)


def cancel(number: int) -> None:
    """End what the connection does just now."""
    _say({"postgresql": "SELECT pg_cancel_backend(%s)", "mysql": "KILL QUERY %s"}, number)


def disconnect(number: int) -> None:
    """End the connection."""
    _say({"postgresql": "SELECT pg_terminate_backend(%s)", "mysql": "KILL %s"}, number)


def _say(words: dict[str, str], number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(words[connection.vendor], [number])


def _tell_of_deadlocks(execute: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return execute(*arguments)
    except OperationalError as error:
        if error.args[:1] == (_MYSQL_DEADLOCK,):
            raise Deadlock(str(error)) from error
        raise
