"""Queries by key that are asked so often that compiling them would cost more than running them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model, QuerySet
from django.db.models.sql.compiler import SQLCompiler

#: Compiled anew for more keys: then it is a small part of what the statement costs.
_FEW = 16

#: What compiles and reads, the statement, and its parameters: the n-th key for an int, else the value in a tuple.
_Compiled = tuple[SQLCompiler, str, list[int | tuple[Any]]]
#: By connection, and so by thread.
_compiled: WeakKeyDictionary[BaseDatabaseWrapper, dict[tuple[str, int], _Compiled]] = WeakKeyDictionary()


def fetch(
    alias: str, name: str, model: type[Model], keys: Sequence[UUID], make: Callable[[Sequence[UUID]], QuerySet[Any]]
) -> list[Sequence[Any]]:
    """Return the rows of ``make(keys)``, each with the values of its columns.

    The keys are different primary keys of the model. The query is known by its name and their number: what else it
    depends on must be in its name.
    """
    if not keys:
        return []
    connection = connections[alias]
    field = model._meta.pk
    assert field is not None
    values = [field.get_db_prep_value(key, connection) for key in keys]
    known = _compiled.setdefault(connection, {})
    found = known.get((name, len(keys)))
    if found is None:
        compiler = make(keys).query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        found = compiler, sql, [values.index(param) if param in values else (param,) for param in params]
        if len(keys) <= _FEW:
            known[name, len(keys)] = found
    compiler, sql, places = found
    with connection.cursor() as cursor:
        cursor.execute(sql, [values[place] if isinstance(place, int) else place[0] for place in places])
        rows = cursor.fetchall()
    return list(compiler.results_iter([rows]))
