"""Rows as a claim and a record read them: the columns that they need, and nothing around.

They pass by ``Model.__init__``, which takes longer for each stage than all else that a record does with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.db.models.base import ModelState

from .compiled import fetch

M = TypeVar("M", bound=Model)


def read(
    alias: str, name: str, model: type[M], columns: Sequence[str], keys: Sequence[UUID],
    make: Callable[[Sequence[UUID]], QuerySet[M]],
) -> Iterator[M]:  # fmt: skip
    """Yield the instances of ``make(keys)`` with the values of these columns; the others are deferred, as by ``only``.

    As with ``fetch``, the query is known by its name.
    """

    def values(keys: Sequence[UUID]) -> QuerySet[Any]:
        return make(keys).values_list(*columns)

    for row in fetch(alias, name, keys, values):
        instance = model.__new__(model)
        instance._state = ModelState()
        instance._state.adding, instance._state.db = False, alias
        instance.__dict__.update(zip(columns, row, strict=True))
        yield instance
