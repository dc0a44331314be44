"""Transactions that a handler began and did not end."""

from __future__ import annotations

from typing import Any

from django.db import connections

from ..connections import abandon, opened
from ..exceptions import InvalidHandler


class Transactions:
    """How deep in transactions the connections are when this is made: before the handler runs."""

    def __init__(self) -> None:
        self._before = _depths()

    def assert_none_left(self, handler: Any) -> None:
        """Raise InvalidHandler when the handler is not out of what it began: its writes would be lost in silence."""
        if left := self._left():
            raise InvalidHandler(
                f"{type(handler).__qualname__}.handle left a transaction open on {', '.join(left)}, which is rolled "
                "back. Commit it, or write inside `with transaction.atomic():`."
            )

    def roll_back(self) -> None:
        """End what the handler left open, so that what follows it can write."""
        for alias in self._left():
            if not self._before.get(alias):
                abandon(connections[alias])

    def _left(self) -> list[str]:
        return sorted(alias for alias, depth in _depths().items() if depth > self._before.get(alias, 0))


def _depths() -> dict[str, int]:
    found = {}
    for connection in opened():
        depth = len(connection.savepoint_ids) + connection.in_atomic_block
        # With AUTOCOMMIT off in the settings there is nothing to be seen.
        is_off = connection.connection is not None and not connection.autocommit
        if is_off and not depth and connection.settings_dict["AUTOCOMMIT"]:
            depth = 1
        found[connection.alias] = depth
    return found
