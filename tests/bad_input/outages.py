"""Databases that are full, locked, read-only or away for a while, as their own servers and files can be made to be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from ..managers import Manager
from ..process.witness import notes

FAILS = "The database fails; trying again until it answers: "
ANSWERS = "The database answers again."


def execute(statement: str) -> Any:
    """Return the first row of what the statement returns, if it does."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone() if cursor.description else None


def connects(running: Manager) -> int:
    """Return how often the manager has tried to connect."""
    return sum(line["pid"] == running.pid for line in notes("connects"))


def wait_for_tries(running: Manager, count: int = 3) -> None:
    """Wait until the manager has tried again some times; each try makes a connection of its own."""
    before = connects(running)
    running.wait_until(lambda: connects(running) >= before + count, "it tries again")


@contextmanager
def locked() -> Iterator[None]:
    """Hold the writer lock of the SQLite file, until a COMMIT or the end."""
    execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        if connection.connection.in_transaction:
            execute("ROLLBACK")


@contextmanager
def ballast() -> Iterator[int]:
    """Fill the SQLite file with what can be deleted; give its size in pages, hardly one of which is free."""
    (free,) = execute("PRAGMA freelist_count")
    (size,) = execute("PRAGMA page_size")
    execute(f"CREATE TABLE ballast AS SELECT zeroblob({(free + 1000) * size})")
    (pages,) = execute("PRAGMA page_count")
    yield pages
    execute("DROP TABLE IF EXISTS ballast")


@contextmanager
def read_only() -> Iterator[None]:
    """Let new connections to the PostgreSQL database write nothing, and end the others: both are troubles."""
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    end_connections()
    try:
        yield
    finally:
        # Who fails makes a new connection for each try, and no other one has written meanwhile.
        execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")


@contextmanager
def away() -> Iterator[None]:
    """End all connections to the PostgreSQL database and let nobody connect, as while its server starts anew."""
    import psycopg

    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    connection.close()
    params = connection.get_connection_params() | {"dbname": "postgres"}
    with psycopg.connect(**params, autocommit=True) as server:
        run: Callable[[str], Any] = server.execute  # type: ignore[assignment]  # the name is quoted
        run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE datname = '{connection.settings_dict['NAME']}'"
            )
            yield
        finally:
            run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def end_connections() -> None:
    execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
