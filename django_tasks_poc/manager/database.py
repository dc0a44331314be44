"""The manager's one database thread."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from django.db import close_old_connections, connections, reset_queries
from django.db.backends.signals import connection_created
from django.db.utils import DatabaseError, InterfaceError

from ..conf import config
from ..exceptions import TaskError

logger = logging.getLogger("django_tasks_poc")

P = ParamSpec("P")
R = TypeVar("R")

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 5.0
#: Seconds that a call may take before somebody is told that it waits, as for the lock of a SQLite file.
_SLOW = 3.0


class Database:
    """Runs sync functions on one thread, in order, and rides out a database that is away."""

    #: Called when the database answers again: news may have been lost.
    on_return: Callable[[], None]

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database", initializer=self._begin)
        self._ident = 0
        #: Calls that wait for the database, or for their next try.
        self._troubled: set[object] = set()
        #: Calls that failed. One of them may have been done all the same, and only its answer lost.
        self.failures = 0

    def _begin(self) -> None:
        self._ident = threading.get_ident()
        connection_created.connect(self._connected)

    def _connected(self, connection: Any, **kwargs: Any) -> None:
        if threading.get_ident() == self._ident and (statement := _limit_of_idleness(connection)):
            with connection.cursor() as cursor:
                cursor.execute(statement)

    async def call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what the function returns; while the database fails, try again, with growing pauses."""
        pause, loop, ticket = _FIRST_PAUSE, asyncio.get_running_loop(), object()
        try:
            while True:
                slow = loop.call_later(_SLOW, self._waits, ticket)
                try:
                    result = await self.once(function, *args, **kwargs)
                except (DatabaseError, InterfaceError) as error:
                    self.failures += 1
                    self._fails(ticket, error)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _LONGEST_PAUSE)
                else:
                    self._answers(ticket)
                    return result
                finally:
                    slow.cancel()
        finally:
            self._troubled.discard(ticket)

    async def once(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function once."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: _run(function, *args, **kwargs))

    # Somebody is told once, not by each call: others may get through meanwhile, as reads do on a full disk.

    def _waits(self, ticket: object) -> None:
        if not self._troubled:
            logger.warning("The database has not answered for %g s; waiting. Does somebody hold a lock on it?", _SLOW)
        self._troubled.add(ticket)

    def _fails(self, ticket: object, error: Exception) -> None:
        if not self._troubled:
            logger.error("The database fails; trying again until it answers: %s", error)
        self._troubled.add(ticket)

    def _answers(self, ticket: object) -> None:
        if ticket in self._troubled:
            self._troubled.remove(ticket)
            if not self._troubled:
                logger.warning("The database answers again.")
                self.on_return()

    async def close(self) -> None:
        await self.once(connections.close_all)
        connection_created.disconnect(self._connected)
        self._thread.shutdown()


def _limit_of_idleness(connection: Any) -> str:
    """Return what has the server end a transaction that its client leaves idle for a sixth of the lease.

    A manager that falls asleep or is cut off in a transaction would hold its locks for hours, and the others, who
    wait for them, could neither take its stages nor beat. MySQL has no such limit.
    """
    seconds = max(config().lease / 6, 0.5)
    if connection.vendor == "postgresql" and not connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
        # Not behind a pool of transactions (which that setting is for): other clients would get the limit too.
        return f"SET idle_in_transaction_session_timeout = {int(seconds * 1000)}"
    if connection.vendor == "mysql" and connection.mysql_is_mariadb:
        return f"SET SESSION idle_transaction_timeout = {math.ceil(seconds)}"
    return ""


def _run(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    reset_queries()  # With DEBUG on, Django would keep every statement for ever.
    try:
        return function(*args, **kwargs)
    except TaskError:
        raise
    except (DatabaseError, InterfaceError):
        # The connection may be broken; the next call makes a new one if it is.
        close_old_connections()
        for connection in connections.all(initialized_only=True):
            connection.close()
        raise
