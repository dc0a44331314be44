"""The source files of what a process has imported, and whether one of them has changed since."""

from __future__ import annotations

import time
from pathlib import Path

from django.utils.autoreload import StatReloader

#: Seconds between two looks.
EVERY = 1.0


class Sources:
    """Looks at the files that Django's own reloader would look at, and starts no thread for it."""

    def __init__(self) -> None:
        self._reloader = StatReloader()
        self._times: dict[Path, float] = {}
        self._next = 0.0
        self.note()

    def note(self) -> None:
        """Note the files of modules that were imported since."""
        for path, changed_at in self._reloader.snapshot_files():
            self._times.setdefault(path, changed_at)

    def changed(self) -> Path | None:
        """Return a file that has changed; looks no more often than every second."""
        now = time.monotonic()
        if now < self._next:
            return None
        self._next = now + EVERY
        found = ((path, changed_at) for path, changed_at in self._reloader.snapshot_files())
        return next((path for path, at in found if self._times.setdefault(path, at) != at), None)
