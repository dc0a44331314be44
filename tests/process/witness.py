"""A file in which processes note what they do, and when; it outlives rollbacks and kills."""

from __future__ import annotations

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

#: Names the file; a test's fixture sets it, and the processes inherit it.
VARIABLE = "TESTS_WITNESS"


def note(name: str, **facts: Any) -> None:
    """Append a line; what this process does is known by name, pid and a clock that all processes share."""
    line = json.dumps({"name": name, "pid": os.getpid(), "at": time.monotonic(), **facts}, default=str)
    file = os.open(os.environ[VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, f"{line}\n".encode())
    finally:
        os.close(file)


def notes(name: str | None = None) -> list[dict[str, Any]]:
    """Return what was noted under this name, or all, in order."""
    path = Path(os.environ[VARIABLE])
    lines = path.read_text().splitlines() if path.exists() else []
    found = [json.loads(line) for line in lines]
    return [line for line in found if name in (None, line["name"])]


def most_at_once(name: str) -> int:
    """Return how many of the intervals noted as ``began`` and ``at`` lie over one another."""
    edges = sorted(edge for line in notes(name) for edge in ((line["began"], 1), (line["at"], -1)))
    running = most = 0
    for _, change in edges:
        running += change
        most = max(most, running)
    return most


def lives(lines: Iterable[dict[str, Any]]) -> list[tuple[float, float]]:
    """Return when each process, or group of processes that note the same ``start``, was seen first and last."""
    seen: dict[Any, list[float]] = defaultdict(list)
    for line in lines:
        seen[line.get("start", line["pid"])].append(line["at"])
    return sorted((min(times), max(times)) for times in seen.values())


def overlap(lines: Iterable[dict[str, Any]]) -> list[tuple[float, float]]:
    """Return the lives that began before the one before them had ended."""
    spans = lives(lines)
    return [later for earlier, later in pairwise(spans) if later[0] <= earlier[1]]
