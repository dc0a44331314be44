"""One statement for many rows, each with values of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, FloatField, IntegerField, Model, TextField, UUIDField

from ...exceptions import WriteConflict

Rows = Sequence[Sequence[Any]]


def update_rows(alias: str, model: type[Model], columns: Sequence[str], rows: Rows, guards: Sequence[str]) -> None:
    """Update rows by primary key where the guard columns still hold what they held.

    A row is (key, guard values…, new values…). Raises WriteConflict unless every row was written.
    """
    written = update_matching(alias, model, columns, rows, guards)
    if written != len(rows):
        plural = model._meta.verbose_name_plural
        raise WriteConflict(f"{len(rows) - written} of {len(rows)} {plural} changed under their lock.")


def update_matching(alias: str, model: type[Model], columns: Sequence[str], rows: Rows, guards: Sequence[str]) -> int:
    """Do the same for those rows that still match, and return how many did."""
    if not rows:
        return 0
    table = _table(alias, model)
    key = model._meta.pk
    assert key is not None
    fields = [key, *table.fields(guards), *table.fields(columns)]
    adapted = table.adapt(fields, rows)
    first = 1 + len(guards)
    with connections[alias].cursor() as cursor:
        if table.has_arrays:
            # What all rows have in common, most of it empty texts, is sent once.
            arrays = table.arrays(adapted)
            common = [n for n in range(first, len(fields)) if all(value == arrays[n][0] for value in arrays[n])]
            varying = [n for n in range(len(fields)) if n not in common]
            place = {n: f"v.c{at}" for at, n in enumerate(varying)}
            place |= {n: f"%s::{table.type(fields[n])}" for n in common}
            sets = ", ".join(f"{table.column(fields[n])} = {place[n]}" for n in range(first, len(fields)))
            same = " AND ".join(f"t.{table.column(fields[n])} IS NOT DISTINCT FROM v.c{n}" for n in range(first))
            cursor.execute(
                f"UPDATE {table.name} AS t SET {sets} FROM {table.unnest([fields[n] for n in varying])} "
                f"WHERE t.{table.column(key)} = v.c0 AND {same}",
                [*(arrays[n][0] for n in common), *(arrays[n] for n in varying)],
            )
        else:
            sets = ", ".join(f"{table.column(field)} = %s" for field in fields[first:])
            same = " AND ".join(f"{table.column(field)} {table.same} %s" for field in fields[1:first])
            cursor.executemany(
                f"UPDATE {table.name} SET {sets} WHERE {table.column(key)} = %s AND {same}",
                [[*row[first:], *row[:first]] for row in adapted],
            )
        written: int = cursor.rowcount
        return written


def insert_rows(alias: str, template: Model, columns: Sequence[str], rows: Rows) -> None:
    """Insert rows that differ in these columns only; all other values are the template's."""
    table = _table(alias, type(template))
    varying = table.fields(columns)
    fixed = [field for field in template._meta.local_concrete_fields if field not in varying]
    (constants,) = table.adapt(fixed, [[field.pre_save(template, True) for field in fixed]])
    adapted = table.adapt(varying, rows)
    names = ", ".join(table.column(field) for field in [*varying, *fixed])
    head = f"INSERT INTO {table.name} ({names})"
    with connections[alias].cursor() as cursor:
        if table.has_arrays:
            chosen = ", ".join(
                [f"v.c{n}" for n in range(len(varying))] + [f"%s::{table.type(field)}" for field in fixed]
            )
            cursor.execute(f"{head} SELECT {chosen} FROM {table.unnest(varying)}", [*constants, *table.arrays(adapted)])
        else:
            marks = ", ".join(["%s"] * (len(varying) + len(fixed)))
            cursor.executemany(f"{head} VALUES ({marks})", [[*row, *constants] for row in adapted])


class _Table:
    """How one database names a model's table, columns and types, and takes their values; found out once a process."""

    def __init__(self, alias: str, model: type[Model]) -> None:
        self._alias = alias
        self._meta = model._meta
        self.name = self._connection.ops.quote_name(model._meta.db_table)
        self.has_arrays = self._connection.vendor == "postgresql"
        #: Equality that holds between nulls.
        self.same = "IS" if self._connection.vendor == "sqlite" else "<=>"
        self.column = cache(self._column)
        self.type = cache(self._type)
        self._adapter = cache(self._make_adapter)

    @property
    def _connection(self) -> BaseDatabaseWrapper:
        """The connection of the thread that asks."""
        return connections[self._alias]

    def fields(self, names: Sequence[str]) -> list[Any]:
        return [self._meta.get_field(name) for name in names]

    def _column(self, field: Any) -> str:
        quoted: str = self._connection.ops.quote_name(field.column)
        return quoted

    def _type(self, field: Any) -> str:
        kind: str = (field.target_field if field.is_relation else field).db_type(self._connection)
        return kind

    def unnest(self, fields: Sequence[Any]) -> str:
        arrays = ", ".join(f"%s::{self.type(field)}[]" for field in fields)
        return f"unnest({arrays}) AS v({', '.join(f'c{n}' for n in range(len(fields)))})"

    def adapt(self, fields: Sequence[Any], rows: Rows) -> list[list[Any]]:
        """Return the rows with values as the driver takes them."""
        adapted = [
            self._adapt_column(field, values) for field, values in zip(fields, zip(*rows, strict=True), strict=True)
        ]
        return [list(row) for row in zip(*adapted, strict=True)]

    def _adapt_column(self, field: Any, values: Sequence[Any]) -> Sequence[Any]:
        """Adapt what one column is given; in most columns all rows have the same."""
        first = values[0]
        adapt = self._adapter(field)
        if all(value is first for value in values):
            return [None if first is None else adapt(first)] * len(values)
        return [None if value is None else adapt(value) for value in values]

    def _make_adapter(self, field: Any) -> Callable[[Any], Any]:
        """Return what makes one value ready; the plain kinds, which are most, take no way through the field."""
        plain = field.target_field if field.is_relation else field
        if isinstance(plain, UUIDField):
            return _as_it_is if self._connection.features.has_native_uuid_field else attrgetter("hex")
        if isinstance(plain, CharField | TextField):
            return str.__str__  # a choice is a str, but not one that every driver takes
        if isinstance(plain, IntegerField | FloatField):
            return _as_it_is
        prepare = field.get_db_prep_save
        return lambda value: prepare(value, self._connection)

    def arrays(self, rows: Rows) -> list[list[Any]]:
        return [list(column) for column in zip(*rows, strict=True)]


_table = cache(_Table)


def _as_it_is(value: Any) -> Any:
    return value
