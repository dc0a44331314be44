"""Databases that an atomic stage may not write to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connections

from ..exceptions import InvalidHandler

_WRITES = "INSERT|UPDATE|DELETE|REPLACE|MERGE|TRUNCATE|CREATE|ALTER|DROP|COPY|CALL|LOAD"
_BLANK = r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*"
_WRITE = re.compile(
    rf"{_BLANK}(?:(?:{_WRITES})\b|WITH\b.*\b(?:INSERT|UPDATE|DELETE|MERGE)\b)", re.IGNORECASE | re.DOTALL
)


@contextmanager
def no_writes_but_on(database: str) -> Iterator[None]:
    """Refuse what is written to any other database meanwhile: it would not be taken back with this one."""
    with ExitStack() as stack:
        for alias in connections:
            if alias != database:
                stack.enter_context(connections[alias].execute_wrapper(_Refusal(alias, database)))
        yield


class _Refusal:
    def __init__(self, alias: str, database: str) -> None:
        self._alias = alias
        self._database = database

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        if _WRITE.match(str(sql)):
            raise InvalidHandler(
                f"An atomic stage may not write to database {self._alias!r}: its transaction is on {self._database!r}, "
                f"the database of its node, and takes nothing else back. Write to {self._alias!r} in a stage that is "
                "not atomic."
            )
        return execute(sql, params, many, context)
