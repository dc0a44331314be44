"""The database's clock."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from django.db import connections
from django.db.models.functions import Now
from django.utils import timezone

from ...models import ManagerProcess

_NOW = Now()


@cache
def _statement(alias: str) -> str:
    compiler = ManagerProcess.objects.using(alias).all().query.get_compiler(using=alias)
    sql, _ = compiler.compile(_NOW)
    return f"SELECT {sql}"


def now(alias: str) -> datetime:
    """Return the database's time; on SQLite that is this host's."""
    connection = connections[alias]
    if connection.vendor == "sqlite":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(_statement(alias))
        (value,) = cursor.fetchone()
    for convert in [*connection.ops.get_db_converters(_NOW), *_NOW.output_field.get_db_converters(connection)]:
        value = convert(value, _NOW, connection)
    moment: datetime = value
    return moment
