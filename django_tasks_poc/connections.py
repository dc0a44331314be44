"""The database connections of a process of ours: how they are set, which were opened, and their end."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver


@cache
def _aliases() -> set[str]:
    """Return a set to be kept: the databases that this process, or the one that forked it, has ever opened."""
    return {one.alias for one in connections.all(initialized_only=True) if one.connection is not None}


@receiver(connection_created)
def _note(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.alias in connections:  # not the nameless one by which a test's database is made
        _aliases().add(connection.alias)


def opened() -> list[BaseDatabaseWrapper]:
    """Return the connections of this thread that may be open; costs nothing in a process that opened none."""
    return [connections[alias] for alias in sorted(_aliases())]


def abandon(connection: BaseDatabaseWrapper) -> None:
    """Close the connection, which rolls back, in whatever transaction it is; its alias has a fresh one afterwards."""
    in_transaction = connection.in_atomic_block
    connection.close()
    if in_transaction:
        # A wrapper that was left inside atomic() waits for its end for ever.
        del connections[connection.alias]


def abandon_all() -> None:
    """Do so with each connection of this thread."""
    for connection in opened():
        abandon(connection)


def prepare_connections() -> None:
    """Make the connections of a process of ours fit for it, whatever the project's settings say.

    SQLite connections take the writer lock at BEGIN (a transaction that reads first and then writes would fail, and
    no busy timeout helps); pools are off, since a pool's threads do not survive a fork.
    """
    for alias in connections:
        connection = connections[alias]
        options = connection.settings_dict.setdefault("OPTIONS", {})
        options.pop("pool", None)
        if connection.vendor == "sqlite":
            options["transaction_mode"] = "IMMEDIATE"
        connection.close()
