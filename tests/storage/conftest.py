"""Stores for the contract: every test that takes one ends with rows that are consistent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from ..support_locks import require_row_locks
from ..support_storage import Store
from ..support_threads import Actor
from .consistency import assert_consistent


@pytest.fixture
def store(db: None) -> Iterator[Store]:
    """A store inside the transaction of the test."""
    yield Store()
    assert_consistent()


@pytest.fixture
def live(transactional_db: None) -> Iterator[Store]:
    """A store whose writes are committed, for other connections to see."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")  # Nothing here crashes, and the disk is slow.
    yield Store()
    assert_consistent()


@pytest.fixture
def _row_locks(request: pytest.FixtureRequest) -> None:
    file, _, _ = request.node.nodeid.partition("::")
    require_row_locks(f"DATABASE_URL=postgres://postgres@127.0.0.1:5432/test pytest {file}")


@pytest.fixture
def one(_row_locks: None, live: Store) -> Iterator[Actor]:
    """The first of two connections to be interleaved."""
    actor = Actor()
    yield actor
    actor.leave()


@pytest.fixture
def other(_row_locks: None, live: Store) -> Iterator[Actor]:
    actor = Actor()
    yield actor
    actor.leave()
