"""Checks of SQLite databases: one writer at a time, and many processes that write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Warning, register
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ..conf import config
from ..node import databases as node_databases
from .settings import TAG, is_sound

#: Seconds; Django's own default is 5.
_LEAST_TIMEOUT, _DEFAULT_TIMEOUT, _GOOD_TIMEOUT = 10, 5.0, 20
_WAL = re.compile(r"journal_mode\s*=\s*['\"]?wal\b", re.IGNORECASE)


@register(TAG)
def check_options(**_: Any) -> list[CheckMessage]:
    """Advise options by which processes that write wait for one another, and none fails."""
    return [message for connection, _ in _files() for message in _check_options(connection)]


@register(TAG, deploy=True)
def check_atomic_timeout(**_: Any) -> list[CheckMessage]:
    """Advise against atomic stages that may hold the file's lock for longer than others wait for it."""
    return [
        Warning(
            f"Node {label!r}: an atomic stage holds the lock of its SQLite file, for up to TIMEOUT = {limit:g} s, and "
            f"others who write give up after {_timeout(connection):g} s.",
            hint=f"Give handlers that are atomic a timeout of less, or set {_option(connection, 'timeout')} to "
            f"{limit:g}. Silence this where no handler is atomic.",
            id="django_tasks_poc.W006",
        )
        for connection, labels in _files()
        for label in labels
        if (limit := config().node(label).timeout) > _timeout(connection)
    ]


def _files() -> Iterator[tuple[BaseDatabaseWrapper, list[str]]]:
    """Yield the SQLite databases of the nodes with the labels of these; one in memory is no other process's."""
    for alias, labels in node_databases().items() if is_sound() else ():
        connection: Any = connections[alias]
        if connection.vendor == "sqlite" and not connection.is_in_memory_db():
            yield connection, labels


def _check_options(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    options, where = connection.settings_dict.get("OPTIONS", {}), f"Database {connection.alias!r}"
    if not _WAL.search(str(options.get("init_command"))) and not _has_wal(connection):
        yield Warning(
            f"{where} has no write-ahead log: whoever reads and whoever writes keep one another waiting.",
            hint=f"Set {_option(connection, 'init_command')} to 'PRAGMA journal_mode=WAL'.",
            id="django_tasks_poc.W001",
        )
    if (timeout := _timeout(connection)) < _LEAST_TIMEOUT:
        yield Warning(
            f"{where}: whoever finds the file locked for {timeout:g} s fails.",
            hint=f"Set {_option(connection, 'timeout')} to {_GOOD_TIMEOUT}.",
            id="django_tasks_poc.W002",
        )
    if str(options.get("transaction_mode")).upper() not in ("IMMEDIATE", "EXCLUSIVE"):
        yield Warning(
            f"{where}: a transaction that reads before it writes fails when another one writes between, without "
            "waiting.",
            hint=f"Set {_option(connection, 'transaction_mode')} to 'IMMEDIATE'.",
            id="django_tasks_poc.W003",
        )


def _option(connection: BaseDatabaseWrapper, name: str) -> str:
    return f"DATABASES[{connection.alias!r}]['OPTIONS'][{name!r}]"


def _timeout(connection: BaseDatabaseWrapper) -> float:
    return float(connection.settings_dict.get("OPTIONS", {}).get("timeout", _DEFAULT_TIMEOUT))


def _has_wal(connection: BaseDatabaseWrapper) -> bool:
    """Say whether the file was set to a write-ahead log before, which it keeps: its header tells."""
    try:
        with open(connection.settings_dict["NAME"], "rb") as file:
            return file.read(20)[18:] == b"\x02\x02"
    except OSError:
        return False
