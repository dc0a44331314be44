"""Queries by key that are asked so often that compiling them would cost more than running them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import QuerySet, UUIDField
from django.db.models.sql.compiler import SQLCompiler

#: As all our keys are.
_KEY: UUIDField[Any, Any] = UUIDField()
#: What compiles and reads, the statement, and its parameters: the n-th key for an int, else the value in a tuple.
_Compiled = tuple[SQLCompiler, str, list[int | tuple[Any]]]
#: The attribute of a connection, and so of a thread, that keeps what was compiled for it: it goes with the connection.
_KEPT = "_django_tasks_poc_compiled"
#: Of more keys the statement is compiled anew: it is a small part of the work then, and databases limit parameters.
_MOST = 1024


def fetch(
    alias: str, name: str, keys: Sequence[UUID], make: Callable[[Sequence[UUID]], QuerySet[Any]]
) -> list[Sequence[Any]]:
    """Return the rows of ``make(keys)``, each with the values of its columns.

    The keys, of tasks, stages or managers, are looked for by ``IN``. The query is known by its name: what else it
    depends on must be in that.
    """
    if not keys:
        return []
    connection = connections[alias]
    values = [_KEY.get_db_prep_value(key, connection) for key in keys]
    if len(keys) > _MOST:
        compiler, sql, places = _compile(connection, make, len(keys))
    else:
        # A key that is asked for twice is found once: so there are few statements, one for each power of two.
        values += values[-1:] * ((1 << (len(keys) - 1).bit_length()) - len(keys))
        known: dict[tuple[str, int], _Compiled] = connection.__dict__.setdefault(_KEPT, {})
        if (name, len(values)) not in known:
            known[name, len(values)] = _compile(connection, make, len(values))
        compiler, sql, places = known[name, len(values)]
    with connection.cursor() as cursor:
        cursor.execute(sql, [values[place] if isinstance(place, int) else place[0] for place in places])
        rows = cursor.fetchall()
    return list(compiler.results_iter([rows]))


def _compile(
    connection: BaseDatabaseWrapper, make: Callable[[Sequence[UUID]], QuerySet[Any]], number: int
) -> _Compiled:
    """Compile the query for so many keys; those that it is made with show where the others go."""
    keys = [uuid4() for _ in range(number)]
    values = [_KEY.get_db_prep_value(key, connection) for key in keys]
    compiler = make(keys).query.get_compiler(connection=connection)
    sql, params = compiler.as_sql()
    places = {value: place for place, value in enumerate(values)}
    return compiler, sql, [places.get(param, (param,)) for param in params]
