"""Queries that are compiled once: right for any number of keys, and gone with their connection."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from django.db import connections
from django.db.models import QuerySet

from django_tasks_poc.models import Task
from django_tasks_poc.storage.orm.compiled import fetch

from ..support_storage import Store


def found(keys: Sequence[UUID]) -> set[UUID]:
    def make(keys: Sequence[UUID]) -> QuerySet[Task]:
        return Task.objects.filter(uuid__in=keys).values_list("uuid")

    return {uuid for (uuid,) in fetch("default", "a test", keys, make)}


def test_any_number_of_keys_finds_what_is_there(store: Store) -> None:
    there = [store.root().uuid for _ in range(9)]
    for number in range(10):
        assert found(there[:number]) == set(there[:number])
    assert found([uuid4(), there[3], uuid4()]) == {there[3]}


@pytest.mark.parametrize("number", [1024, 1025, 20_000])
def test_very_many_keys_are_no_more_parameters_than_there_are_keys(store: Store, number: int) -> None:
    """Given more keys than are kept compiled, then they are not filled up to the next power of two: limits are near."""
    task = store.root()
    counts = []

    def count(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        counts.append(len(params))
        return execute(sql, params, many, context)

    with connections["default"].execute_wrapper(count):
        assert found([*(uuid4() for _ in range(number - 1)), task.uuid]) == {task.uuid}
    assert counts == [number]


@pytest.mark.django_db(transaction=True)
def test_what_is_compiled_goes_with_its_connection() -> None:
    """Given a thread that asked and has ended, then nothing keeps its connection."""
    wrappers: list[weakref.ref[object]] = []

    def ask() -> None:
        found([uuid4()])
        wrappers.append(weakref.ref(connections["default"]))
        connections.close_all()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    gc.collect()
    assert wrappers[0]() is None
