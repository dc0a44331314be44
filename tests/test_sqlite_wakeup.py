"""The watch of a SQLite file: what was committed just before it began is looked for, too."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.db import connection

from django_tasks_poc.node import nodes
from django_tasks_poc.wakeup.sqlite import SqliteWakeup

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="about a SQLite file"),
]


def test_a_watch_that_begins_has_the_manager_look_once() -> None:
    """Given a task that was committed before the first look at the file, then no change of it will tell of that."""

    async def version(function: Any, *args: Any) -> int:
        return 1  # of the manager's own connection, on which nothing is seen to change

    async def scenario() -> None:
        woken = asyncio.Event()
        watch = asyncio.ensure_future(SqliteWakeup(nodes["default"], woken.set, version).run())
        try:
            await asyncio.wait_for(woken.wait(), 10)
        finally:
            watch.cancel()

    asyncio.run(scenario())
