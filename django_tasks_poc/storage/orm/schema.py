"""Tables that are not there, or are those of an older version."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import DatabaseError, OperationalError, ProgrammingError

from ...exceptions import NotMigrated

Method = TypeVar("Method", bound=Callable[..., Any])

_APP = "django_tasks_poc"
_TABLES = f"{_APP}_"
#: SQLite, PostgreSQL, MariaDB and MySQL.
_MISSING = ("no such table", "no such column", "has no column", "does not exist", "doesn't exist", "Unknown column")


def not_migrated(alias: str, error: Exception) -> NotMigrated | None:
    """Return what to do about the error, of a statement of ours, if a table or a column is missing, else None."""
    text = str(error)
    if not (isinstance(error, OperationalError | ProgrammingError) and any(words in text for words in _MISSING)):
        return None
    if _TABLES not in text:
        # SQLite and MySQL name the column alone.
        with suppress(DatabaseError):  # A transaction that has failed answers nothing more.
            return unapplied(alias)
        return None
    reason = str(error.args[-1]).partition("\n")[0].strip()  # MySQL puts a number before its words
    return NotMigrated(f"Database {alias!r} lacks tables of {_APP} ({reason}). Run {_migrate(alias)}.")


def unapplied(alias: str) -> NotMigrated | None:
    """Return what to do about migrations of ours that the database lacks; None when it has all, or newer ones."""
    executor = MigrationExecutor(connections[alias])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes(_APP))
    names = ", ".join(migration.name for migration, _ in plan if migration.app_label == _APP)
    if not names:
        return None
    return NotMigrated(f"Database {alias!r} lacks migrations of {_APP}: {names}. Run {_migrate(alias)}.")


def _migrate(alias: str) -> str:
    return "manage.py migrate" + ("" if alias == DEFAULT_DB_ALIAS else f" --database {alias}")


def explained(method: Method) -> Method:
    """Have the method, of something with an alias, raise NotMigrated where that is the cause of its error."""

    @functools.wraps(method)
    def with_words(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except (OperationalError, ProgrammingError) as error:
            if (known := not_migrated(self.alias, error)) is not None:
                raise known from error
            raise

    return with_words  # type: ignore[return-value]  # a method bound by its class
