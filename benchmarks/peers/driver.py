"""Drives a peer, as a program of the environment that the peer is installed in.

``driver MODULE prepare`` makes the peer's tables; ``driver MODULE measure CHILDREN SAMPLES`` measures, and leaves the
answer beside the marks.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from . import work


class Side(Protocol):
    """What the module of a peer has."""

    def prepare(self) -> None:
        """Make the tables."""

    def meet(self) -> None:
        """Have both workers run ``work.meet``, and wait until they did."""

    def start_one(self) -> Callable[[], bool]:
        """Start one child; return what tells whether its result is stored."""

    def fan_out(self, children: int) -> None:
        """Run the children and what finishes them, and wait until that is stored."""

    def stored(self) -> int:
        """Return how many children of the fan-out are stored as successful, with their results."""


def main(module: str, action: str, *numbers: str) -> None:
    peer = cast(Side, import_module(f"{__package__}.{module}"))
    if action == "prepare":
        peer.prepare()
    else:
        children, samples = map(int, numbers)
        Path(os.environ[work.MARKS], work.ANSWER).write_text(json.dumps(measure(peer, children, samples)))


def measure(peer: Side, children: int, samples: int) -> dict[str, object]:
    """Measure single jobs on idle workers, then the fan-out."""
    peer.meet()
    latencies = [latency(peer) for _ in range(samples)]
    time.sleep(0.3)
    work.unmark()
    peer.fan_out(children)
    if (stored := peer.stored()) != children:
        raise work.Wrong(f"{stored} results of {children} are stored")
    return {"seconds": work.marked("finished") - work.marked("started"), "latencies": latencies}


def latency(peer: Side) -> float:
    """Return the milliseconds from a job being queued to its result being seen."""
    # Never in step with a worker that polls.
    time.sleep(random.uniform(0.1, 0.3))
    is_done = peer.start_one()
    began = time.perf_counter()
    work.until(is_done, work.LOOK_EVERY)
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main(*sys.argv[1:])
