"""A purge meets others: retries, and other purges; whoever comes first, a tree is deleted whole or stays whole."""

from __future__ import annotations

from typing import Any

import pytest

from django_tasks_poc.exceptions import TaskNotFound
from django_tasks_poc.models import Task
from django_tasks_poc.purging import PurgeCursor
from django_tasks_poc.storage.orm import purge, verbs

from ..support_storage import Store, error, fresh
from ..support_threads import at_once
from .test_purge import NOW, ended, row_count, sums, tree


def test_a_retry_that_came_first_is_met(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a tree that was found, when it is retried before it is locked, then it stays and the others go."""
    (other,) = ended(store)
    failed = store.root(1)
    store.drain(error)

    def retries(alias: str, roots: Any) -> dict[Any, str]:
        failed.retry_failed()
        return {}

    monkeypatch.setattr(purge, "protected", retries)
    assert sums(store.purge()) == (1, 1)
    assert list(Task.objects.all()) == [failed]
    assert other not in Task.objects.all()
    assert fresh(failed).open_count == 1


def test_a_retry_that_came_first_keeps_a_large_tree_from_being_hidden(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = store.root(1)
    store.drain(error)
    monkeypatch.setattr(purge, "protected", lambda *_: failed.retry_failed() and {})
    store.purge(piece=1)
    assert not fresh(failed).purging


@pytest.mark.parametrize("piece", [1, 5000])
def test_a_verb_that_came_second_finds_nothing(store: Store, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    """Given a verb that waits for the lock of its tree, when a purge had it, then it finds no task, hidden or gone."""
    task = store.root(1)
    store.drain(error)
    lock_trees = verbs.Writer.lock_trees

    def late(writer: Any, *args: Any, **options: Any) -> None:
        store.task_command.purge(piece, PurgeCursor(), NOW)
        lock_trees(writer, *args, **options)

    monkeypatch.setattr(verbs.Writer, "lock_trees", late)
    with pytest.raises(TaskNotFound):
        task.retry_failed()


@pytest.mark.parametrize("piece", [20, 5000])
def test_two_at_once_delete_each_tree_once(live: Store, piece: int) -> None:
    """Given small trees and a large one, when two purge at one moment, then both end, and together they did all."""
    ended(live, 30, stages=3)
    tree(live, leaves=40)
    one, other = at_once(*[lambda: Store.purge(live, piece=piece)] * 2)
    # A tree that one has at hand is left alone by the other, which may then be done before.
    assert sums(one + other) == (31, 133)
    assert row_count() == 0
