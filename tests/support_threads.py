"""Things done at once, each on a database connection of its own."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from django.db import connection, transaction

from . import support_locks

T = TypeVar("T")

#: Seconds after which a thread counts as hung.
HUNG = 20


def start(work: Callable[[], T]) -> Future[T]:
    """Begin the work in a thread, whose connection is closed behind it."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            connection.close()
            future.set_exception(error)
        else:
            connection.close()
            future.set_result(result)

    threading.Thread(target=run, daemon=True).start()
    return future


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Do all the works, beginning at one moment; return their results, or raise the first error."""
    gate = threading.Barrier(len(works))

    def behind_gate(work: Callable[[], T]) -> Callable[[], T]:
        def run() -> T:
            connection.ensure_connection()
            gate.wait(HUNG)
            return work()

        return run

    futures = [start(behind_gate(work)) for work in works]
    return [future.result(HUNG) for future in futures]


class Actor:
    """A thread with a connection to a server that does one thing after another, and may hold a transaction open.

    A deadlock among actors is not done again: on PostgreSQL their steps do not end, elsewhere one raises Deadlock.
    """

    def __init__(self) -> None:
        self._steps: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._atomic: transaction.Atomic | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.number = self.do(support_locks.prepare).result(HUNG)

    def do(self, step: Callable[[], T]) -> Future[T]:
        """Begin a step."""
        future: Future[T] = Future()
        self._steps.put((step, future))
        return future

    def hold(self, step: Callable[[], T]) -> T:
        """Do a step in a transaction that stays open."""

        def begin() -> T:
            self._atomic = transaction.atomic()
            self._atomic.__enter__()
            return step()

        return self.do(begin).result(HUNG)

    def commit(self) -> None:
        def end() -> None:
            assert self._atomic is not None
            self._atomic.__exit__(None, None, None)

        self.do(end).result(HUNG)

    def roll_back(self) -> None:
        self.do(lambda: transaction.set_rollback(True)).result(HUNG)
        self.commit()

    def is_blocked(self, future: Future[Any]) -> bool:
        """Wait until the step waits for a lock of another connection, or is done; say which."""
        deadline = time.monotonic() + HUNG
        while not future.done():
            if support_locks.waits(self.number):
                return True
            assert time.monotonic() < deadline, "It neither ends nor waits for a lock."
        return False

    def leave(self) -> None:
        """End the thread; a step that hangs loses its connection, so that nobody else waits for its locks."""
        self._steps.put(None)
        self._thread.join(1)
        if self._thread.is_alive():
            support_locks.disconnect(self.number)
            self._thread.join(HUNG)

    def _run(self) -> None:
        while (item := self._steps.get()) is not None:
            step, future = item
            try:
                future.set_result(step())
            except BaseException as error:
                future.set_exception(error)
        connection.close()


def interleave(one: Actor, first: Callable[[], Any], other: Actor, second: Callable[[], Any]) -> tuple[Any, Any, bool]:
    """Do ``first``, begin ``second`` before that is committed; return both results and whether the second waited."""
    result = one.hold(first)
    future = other.do(second)
    waited = other.is_blocked(future)
    one.commit()
    return result, future.result(HUNG), waited
