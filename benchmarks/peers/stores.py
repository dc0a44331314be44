"""The stores that the peers work on: a database of their own, and a numbered database of Redis. Both start empty."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from .. import databases
from .environment import Unavailable


@contextmanager
def emptied(database: str | None, redis: str, *, uses_redis: bool) -> Iterator[None]:
    """Make the stores anew, and leave nothing behind."""
    if database is None:
        raise Unavailable("there is no PostgreSQL")
    if uses_redis:
        _refuse_foreign(redis)
    databases.create(database)
    try:
        yield
    finally:
        databases.drop(database)
        if uses_redis:
            _ask(redis, "FLUSHDB")


def _refuse_foreign(url: str) -> None:
    """Leave a database of Redis alone that holds somebody else's keys."""
    if keys := int(_ask(url, "DBSIZE").removeprefix(":")):
        raise Unavailable(f"{url} holds {keys} keys that are not ours; REDIS_URL may name an empty one")


def _ask(url: str, command: str) -> str:
    """Return the line that Redis answers; its protocol is all we need of a client."""
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 6379), timeout=30) as connection:
            connection.sendall(f"SELECT {parts.path.strip('/') or 0}\r\n{command}\r\nQUIT\r\n".encode())
            answers = b"".join(iter(lambda: connection.recv(1024), b"")).decode().splitlines()
    except OSError as error:
        raise Unavailable(f"{url} does not answer: {error}") from error
    if wrong := [answer for answer in answers if answer.startswith("-")]:
        raise Unavailable(f"{url} answers {wrong[0]}")
    return answers[1]
