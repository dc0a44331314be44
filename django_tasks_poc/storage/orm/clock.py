"""The database's clock."""

from __future__ import annotations

from datetime import datetime

from django.db import connections
from django.db.models.functions import Now
from django.utils import timezone

from ...models import ManagerProcess


def now(alias: str) -> datetime:
    """Return the database's time; on SQLite that is this host's."""
    connection = connections[alias]
    if connection.vendor == "sqlite":
        return timezone.now()
    field = Now().output_field
    compiler = ManagerProcess.objects.using(alias).all().query.get_compiler(using=alias)
    sql, params = compiler.compile(Now())
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql}", params)
        (value,) = cursor.fetchone()
    for convert in [*connection.ops.get_db_converters(Now()), *field.get_db_converters(connection)]:
        value = convert(value, Now(), connection)
    moment: datetime = value
    return moment
