"""A purge on one connection meets what another holds uncommitted: neither waits long, and no tree is halved."""

from __future__ import annotations

from typing import Any

import pytest

from django_tasks_poc.exceptions import TaskNotFound
from django_tasks_poc.models import Task
from django_tasks_poc.purging import PurgeCursor, Purged

from ..support_storage import Store, error, fresh
from ..support_threads import Actor, interleave
from .test_purge import NOW, ended, row_count, sums

pytestmark = pytest.mark.service

#: A piece that takes all the trees, and one for which each is too large.
PIECES = (5000, 1)


@pytest.fixture
def actors(one: Actor, other: Actor) -> tuple[Actor, Actor]:
    return one, other


def failed(store: Store) -> Task:
    """Build a tree with a nested task, and let it end with a failure that can be retried."""
    root = store.root(1)
    store.wait(*store.claim(), 2)
    store.drain(error)
    return fresh(root)


@pytest.mark.parametrize("piece", PIECES)
def test_a_purge_leaves_a_tree_that_is_being_retried(live: Store, actors: tuple[Actor, Actor], piece: int) -> None:
    """Given a retry that is not committed yet, then a purge neither waits for it nor takes its tree."""
    root = failed(live)
    (other,) = ended(live)
    one, two = actors
    result, pieces, waited = interleave(one, root.retry_failed, two, lambda: live.purge(piece=piece))
    assert (waited, sums(pieces), result.stages) == (False, (1, 1), 3)
    assert other not in Task.objects.all()
    assert fresh(root).finished_at is None
    live.drain()
    assert fresh(root).finished_at is not None


@pytest.mark.parametrize("piece", PIECES)
def test_a_retry_waits_for_a_purge_and_finds_nothing(live: Store, actors: tuple[Actor, Actor], piece: int) -> None:
    root = failed(live)
    one, two = actors

    def retry() -> Any:
        with pytest.raises(TaskNotFound):
            root.retry_failed()

    _, _, waited = interleave(one, lambda: first_piece(live, piece), two, retry)
    assert waited
    live.purge()
    assert row_count() == 0


def test_a_purge_leaves_a_hidden_tree_to_the_one_that_has_it(live: Store, actors: tuple[Actor, Actor]) -> None:
    """Given a tree that is half deleted, and a purge that has it at hand, then another goes on with the next tree."""
    failed(live)
    first_piece(live, 1)
    (other,) = ended(live)
    one, two = actors
    held, pieces, waited = interleave(one, lambda: first_piece(live, 1), two, live.purge)
    assert (waited, sums(pieces)) == (False, (1, 1))
    assert other not in Task.objects.all()
    assert held.next is not None
    live.purge(older_than=None)
    assert row_count() == 0


def test_a_purge_waits_for_a_tree_that_it_has_begun(live: Store, actors: tuple[Actor, Actor]) -> None:
    """Given a tree that was hidden, when another looks whether it is to be had, then its purge goes on behind that."""
    root = failed(live)
    begun = first_piece(live, 1).next
    assert begun is not None
    assert begun.tree == root.uuid
    looks = Task.objects.select_for_update().filter(uuid=root.uuid)
    one, two = actors
    _, piece, waited = interleave(one, lambda: list(looks), two, lambda: live.task_command.purge(5000, begun, NOW))
    assert (waited, piece.next) == (True, begun)
    live.purge(older_than=None)
    assert row_count() == 0


def first_piece(store: Store, piece: int) -> Purged:
    return store.task_command.purge(piece, PurgeCursor(), NOW)
