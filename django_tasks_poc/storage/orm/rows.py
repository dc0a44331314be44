"""Rows as a claim and a record read them: the columns that they need, and nothing around.

They pass by ``Model.__init__``, which takes longer for each stage than all else that a record does with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.db.models.base import ModelState

from ...models import TaskStage

M = TypeVar("M", bound=Model)


def read_stages(rows: QuerySet[TaskStage], columns: Sequence[str]) -> Iterator[TaskStage]:
    """Yield the stages with these columns; the others are deferred, as by ``only``."""
    return instances(TaskStage, rows.db, columns, rows.values_list(*columns))


def instances(model: type[M], alias: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[M]:
    """Yield instances of the model with the values of these columns; the others are deferred."""
    for values in rows:
        instance = model.__new__(model)
        instance._state = ModelState()
        instance._state.adding, instance._state.db = False, alias
        instance.__dict__.update(zip(columns, values, strict=True))
        yield instance
