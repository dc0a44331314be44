"""A stage inside the transaction of a test, as if there were none around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

#: What transactions are made of.
_FRAME = ("SAVEPOINT", "RELEASE", "ROLLBACK")


@contextmanager
def as_outside_a_test() -> Iterator[None]:
    """Let a stage find what it finds in production where the test is in a transaction.

    A statement of its own is a transaction by itself, and so is each outermost ``atomic()``: what fails breaks nothing
    that came before. What ``transaction.on_commit`` was given runs when the stage is over.
    """
    around = [one for one in connections.all(initialized_only=True) if one.in_atomic_block]
    registered = {one.alias: len(one.run_on_commit) for one in around}
    with ExitStack() as stack:
        for one in around:
            stack.enter_context(_autocommit(one))
        yield
    for one in around:
        while len(one.run_on_commit) > registered[one.alias]:
            callback = one.run_on_commit.pop(registered[one.alias])[1]
            callback()


@contextmanager
def _autocommit(connection: BaseDatabaseWrapper) -> Iterator[None]:
    before = connection.savepoint_ids
    connection.savepoint_ids = _Savepoints(connection)
    try:
        with connection.execute_wrapper(_Statements(connection, len(before))):
            yield
    finally:
        connection.needs_rollback = False
        if left := connection.savepoint_ids[len(before) :]:
            # What the handler did not end is taken back, as it was told.
            transaction.savepoint_rollback(left[0], using=connection.alias)
        connection.savepoint_ids = before


class _Savepoints(list[Any]):
    """Has an outermost ``atomic(savepoint=False)``, as models use it to save, be a transaction all the same."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        super().__init__(connection.savepoint_ids)
        self._connection = connection
        self._depth = len(self)

    def append(self, sid: Any) -> None:
        if sid is None and len(self) == self._depth:
            self._connection.needs_rollback = False
            sid = self._connection.savepoint()
        super().append(sid)


class _Statements:
    """Has each statement outside of ``atomic()`` be a transaction by itself."""

    def __init__(self, connection: BaseDatabaseWrapper, depth: int) -> None:
        self._connection = connection
        self._depth = depth

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        connection = self._connection
        if len(connection.savepoint_ids) > self._depth or str(sql).startswith(_FRAME):
            return execute(sql, params, many, context)
        connection.needs_rollback = False  # by one that failed before
        if connection.vendor != "postgresql":  # where a failure breaks the transaction
            return execute(sql, params, many, context)
        with transaction.atomic(using=connection.alias):
            return execute(sql, params, many, context)
