"""Errors of a database that go away when the transaction is done again, whole."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from django.db import connections
from django.db.utils import DataError, IntegrityError, OperationalError

from ...exceptions import WriteConflict
from .schema import explained

P = ParamSpec("P")
R = TypeVar("R")

#: PostgreSQL: serialization failure, deadlock, lock timeout. MariaDB, MySQL: changed since read, lock wait, deadlock.
_SQLSTATES = frozenset({"40001", "40P01", "55P03"})
_MYSQL_CODES = frozenset({1020, 1205, 1213})
_ATTEMPTS = 20


class HasAlias(Protocol):
    alias: str


Self = TypeVar("Self", bound=HasAlias)


def is_transient(error: Exception) -> bool:
    """Say whether the same transaction may succeed when it is done again."""
    if isinstance(error, WriteConflict):
        return True
    if not isinstance(error, OperationalError):
        return False
    cause = error.__cause__
    if getattr(cause, "sqlstate", None) in _SQLSTATES:
        return True
    if error.args and error.args[0] in _MYSQL_CODES:
        return True
    return "database is locked" in str(error) or "database table is locked" in str(error)


def is_content(error: Exception) -> bool:
    """Say whether the database (or its driver) refused a value."""
    if isinstance(error, DataError | IntegrityError | ValueError | OverflowError):
        return True
    # PostgreSQL: program limit exceeded. MariaDB, MySQL: packet too large.
    too_large = getattr(error.__cause__, "sqlstate", None) == "54000" or error.args[:1] == (1153,)
    return isinstance(error, OperationalError) and too_large


def retried(method: Callable[Concatenate[Self, P], R]) -> Callable[Concatenate[Self, P], R]:
    """Do the method's transaction again after a transient error; inside a caller's transaction that is the caller's."""

    @explained
    @functools.wraps(method)
    def again(self: Self, *args: P.args, **kwargs: P.kwargs) -> R:
        for attempt in range(_ATTEMPTS):
            try:
                return method(self, *args, **kwargs)
            except (OperationalError, WriteConflict) as error:
                last = attempt + 1 == _ATTEMPTS
                if last or not is_transient(error) or connections[self.alias].in_atomic_block:
                    raise
            time.sleep(random.uniform(0.5, 1.0) * min(0.001 * 2**attempt, 0.2))
        raise AssertionError("unreachable")

    return again  # type: ignore[return-value]  # a method bound by its class
