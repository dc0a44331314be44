"""Whether a manager's memory grows with the size of a fan-out."""

from __future__ import annotations

import os
from collections.abc import Mapping

from . import fanout, managers
from .report import Figure

FEW, MANY = 1_000, 100_000
#: MiB that the larger may need more.
BOUND = 10.0


def measure(node: str) -> list[Figure]:
    few, many = peak(node, FEW), peak(node, MANY)
    return [
        Figure("memory", f"manager's peak, {FEW:,} children", node, "MiB", [few]),
        Figure("memory", f"manager's peak, {MANY:,} children", node, "MiB", [many]),
        Figure("memory", "what the larger needs more", node, "MiB", [many - few]).must_be_below(BOUND),
    ]


def peak(node: str, children: int, environment: Mapping[str, str] = os.environ) -> float:
    """Return the MiB that a manager of its own needed at the most for a fan-out."""
    with managers.running(node, "--max-stages-per-process", "1000", environment=environment) as manager:
        fanout.run(manager, children)
        return manager.peak
