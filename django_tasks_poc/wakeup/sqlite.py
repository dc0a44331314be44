"""Wake-ups on SQLite: the file's version counter, read on connections of our own."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

from django.db import connections

from .base import Wakeup

#: Seconds between two reads; a read takes microseconds.
_BUSY = 0.005
_IDLE = 0.03


class SqliteWakeup(Wakeup):
    """Reads ``PRAGMA data_version``, which changes when another connection has committed.

    A connection in the loop's thread is read often. When it shows a change, the manager's own connection is asked too:
    it does not count the manager's own commits, which are no news.
    """

    async def run(self) -> None:
        settings = connections[self.node.database].get_connection_params()
        params = {key: settings[key] for key in ("database", "timeout", "uri") if key in settings}
        with closing(sqlite3.connect(**params, isolation_level=None)) as connection:
            await self._watch(connection)

    async def _watch(self, connection: sqlite3.Connection) -> None:
        seen, foreign = _version(connection), await self.call(self._own_version)
        # What was committed behind the manager's first look, and before this one, is not seen to change any more.
        self.on_wake()
        while True:
            await asyncio.sleep(_BUSY if self.is_busy else _IDLE)
            if (version := _version(connection)) == seen:
                continue
            seen = version
            if (now := await self.call(self._own_version)) != foreign:
                foreign = now
                self.on_wake()

    def _own_version(self) -> int:
        connection = connections[self.node.database]
        with connection.cursor() as cursor:
            return _version(cursor)


def _version(source: Any) -> int:
    (version,) = source.execute("PRAGMA data_version").fetchone()
    return int(version)
