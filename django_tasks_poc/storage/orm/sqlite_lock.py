"""Taking the writer lock of a SQLite database in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

#: Seconds between two tries.
_EVERY = 0.001
#: Seconds that Python's driver waits for a lock where the settings say nothing.
_PATIENCE = 5.0


def begin(alias: str) -> transaction.Atomic:
    """Enter a transaction that holds the writer lock; raise OperationalError when the timeout of OPTIONS is over.

    SQLite's own wait sleeps longer each time, up to 100 ms, and so misses the gaps between short transactions of
    others. And a transaction that read before its first write cannot write once another connection has written.
    """
    connection = connections[alias]
    if connection.in_atomic_block:
        return _try_to_begin(alias)
    connection.ensure_connection()
    deadline = time.monotonic() + connection.settings_dict["OPTIONS"].get("timeout", _PATIENCE)
    with _no_wait(connection):
        while True:
            try:
                return _try_to_begin(alias)
            except OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(_EVERY)


def _try_to_begin(alias: str) -> transaction.Atomic:
    atomic = transaction.atomic(using=alias)
    atomic.__enter__()
    if getattr(connections[alias], "transaction_mode", None) != "IMMEDIATE":
        try:
            with connections[alias].cursor() as cursor:
                cursor.execute("UPDATE django_tasks_poc_task SET depth = depth WHERE 0")
        except BaseException as error:
            atomic.__exit__(type(error), error, error.__traceback__)
            raise
    return atomic


@contextmanager
def _no_wait(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Have a lock that is held refused at once meanwhile."""
    (before,) = connection.connection.execute("PRAGMA busy_timeout").fetchone()
    connection.connection.execute("PRAGMA busy_timeout = 0")
    try:
        yield
    finally:
        connection.connection.execute(f"PRAGMA busy_timeout = {before}")
