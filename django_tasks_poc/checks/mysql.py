"""Checks of MySQL and MariaDB databases: each transaction sees what others have committed, or is taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core.checks import Error, Tags, register
from django.db import connections

from ..node import databases as node_databases
from .settings import TAG, is_sound

_ISOLATION = "read committed"


@register(TAG, Tags.models)
def check_isolation(**_: Any) -> list[Error]:
    """Refuse MySQL and MariaDB databases whose transactions would read rows as they were at their first look."""
    errors = []
    for alias in _mysql_databases():
        level = connections[alias].settings_dict["OPTIONS"].get("isolation_level", _ISOLATION)  # Django's own default
        if str(level).lower() != _ISOLATION:
            errors.append(
                Error(
                    f"Database {alias!r} has the isolation level {level!r}: a verb could act on rows as they were.",
                    hint=f"Set DATABASES[{alias!r}]['OPTIONS']['isolation_level'] to {_ISOLATION!r}.",
                    id="django_tasks_poc.E003",
                )
            )
    return errors


@register(TAG, Tags.database)
def check_engine(*, databases: Sequence[str] | None = None, **_: Any) -> list[Error]:
    """Refuse tables of MySQL and MariaDB that know no transactions; ``migrate`` asks, and ``check --database``."""
    return [error for alias in _mysql_databases() if alias in (databases or ()) for error in _check_engine(alias)]


def _mysql_databases() -> list[str]:
    return [alias for alias in node_databases() if connections[alias].vendor == "mysql"] if is_sound() else []


def _check_engine(alias: str) -> list[Error]:
    """Look at our tables, and at what a new one would be."""
    tables = [model._meta.db_table for model in apps.get_app_config("django_tasks_poc").get_models()]
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT table_name, engine FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND table_name IN %s AND engine <> 'InnoDB'",
            [tables],
        )
        found = [(f"table {name}", engine, f"ALTER TABLE {name} ENGINE = InnoDB") for name, engine in cursor.fetchall()]
        cursor.execute("SELECT @@default_storage_engine")
        if (engine := cursor.fetchone()[0]) != "InnoDB":
            found.append(("its default", engine, "SET GLOBAL default_storage_engine = InnoDB"))
    return [
        Error(
            f"Database {alias!r}: the engine of {what} is {engine}, which knows no transactions.",
            hint=f"Before any task is built: {cure}.",
            id="django_tasks_poc.E004",
        )
        for what, engine, cure in found
    ]
