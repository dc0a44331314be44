"""Stages as a claim and a record read them: the columns that they need, and nothing around."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db.models import QuerySet
from django.db.models.base import ModelState

from ...models import TaskStage


def read_stages(rows: QuerySet[TaskStage], columns: Sequence[str]) -> Iterator[TaskStage]:
    """Yield the stages with these columns; the others are deferred, as by ``only``.

    It passes by ``Model.__init__``, which takes longer for each stage than all else that a record does with it.
    """
    for values in rows.values_list(*columns):
        stage = TaskStage.__new__(TaskStage)
        stage._state = ModelState()
        stage._state.adding, stage._state.db = False, rows.db
        stage.__dict__.update(zip(columns, values, strict=True))
        yield stage
