"""What this process worked out a moment ago."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Values for some seconds, the last few of them.

    Of this process, not in Django's cache: the project may have none that is shared, or one that pickles, and what is
    kept here costs each process one reading in ten seconds.
    """

    def __init__(self, seconds: float, most: int = 20) -> None:
        self._seconds, self._most = seconds, most
        self._values: dict[Hashable, tuple[float, T]] = {}

    def get(self, key: Hashable) -> T | None:
        """Return the value, unless it is too old."""
        found = self._values.get(key)
        return found[1] if found is not None and time.monotonic() - found[0] < self._seconds else None

    def put(self, key: Hashable, value: T) -> None:
        """Keep the value from now on; drop what is older than the others when there are too many."""
        self._values.pop(key, None)
        self._values[key] = (time.monotonic(), value)
        for old in list(self._values)[: -self._most]:
            self._values.pop(old, None)
