"""Wake-ups on PostgreSQL: NOTIFY, heard by a connection of its own."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

from django.db import connections

from ..channels import channel
from .base import Wakeup

logger = logging.getLogger("django_tasks_poc")

#: Seconds between attempts to connect again.
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class PostgresWakeup(Wakeup):
    """Listens on the node's channel; connects again when the connection breaks, and looks for what it missed."""

    async def run(self) -> None:
        import psycopg

        loop, pause = asyncio.get_running_loop(), _FIRST_PAUSE
        while True:
            try:
                connecting = loop.run_in_executor(None, self._connect)
                try:
                    listening = await asyncio.shield(connecting)
                except asyncio.CancelledError:
                    with suppress(psycopg.Error):
                        (await connecting).close()
                    raise
                try:
                    pause = _FIRST_PAUSE
                    self.on_wake()
                    await self._hear(listening)
                finally:
                    listening.close()
            except psycopg.Error as error:
                if pause == _FIRST_PAUSE:  # Once, and not each time that it cannot be made anew.
                    logger.warning("Node %s: the connection that listens broke: %s", self.node, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    def _connect(self) -> Any:
        import psycopg

        params = connections[self.node.database].get_connection_params()
        listening = psycopg.connect(**params, autocommit=True)
        try:
            listening.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel(self.node.label))))
        except psycopg.Error:
            listening.close()
            raise
        return listening

    async def _hear(self, listening: Any) -> None:
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        number = listening.fileno()  # A connection that broke no longer tells it.
        loop.add_reader(number, readable.set)
        try:
            while True:
                await readable.wait()
                readable.clear()
                if list(listening.notifies(timeout=0)):
                    self.on_wake()
        finally:
            loop.remove_reader(number)
