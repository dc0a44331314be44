"""Whose turn it is: stages that have something to themselves while they run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import UUID

from ..storage.values import Claim
from .database import Database

#: A stage that was lost so often runs with nothing beside it: it may be what its manager died of.
ALONE_AFTER = 3


def is_suspect(claim: Claim) -> bool:
    """Say whether the stage may only run alone."""
    return claim.lost >= ALONE_AFTER


class AtomicTurns:
    """Turns of atomic stages on a database that has one writer at a time, SQLite.

    An atomic stage holds the writer lock while its handler runs, and the lock is not fair. So one such stage runs at
    a time, and before the next the manager does what it wanted of the database meanwhile.
    """

    #: Called when the next atomic stage may start.
    on_free: Callable[[], None]

    def __init__(self, database: Database, *, are_needed: bool) -> None:
        self._database = database
        self._are_needed = are_needed
        self._holder: UUID | None = None
        self._handing_over: asyncio.Future[None] | None = None

    @property
    def is_free(self) -> bool:
        """Say whether an atomic stage may start now."""
        return self._holder is None

    def begin(self, token: UUID) -> None:
        """Give the turn to a stage that starts."""
        if self._are_needed:
            self._holder = token

    def end(self, token: UUID) -> None:
        """Take the turn from a stage that is over, if it has it; the next waits for the calls that are under way."""
        if self._holder == token:
            # The calls run in order, on one thread: when this one is done so are those before it.
            self._handing_over = asyncio.ensure_future(self._database.once(_nothing))
            self._handing_over.add_done_callback(self._free)

    def _free(self, done: asyncio.Future[None]) -> None:
        self._holder = None
        if not done.cancelled():
            self.on_free()


def _nothing() -> None:
    """Take a place among the calls of the database."""
