"""Running tasks to their end in the process, and the transaction, of a test."""

from __future__ import annotations

import os
import resource
import time

from .identifiers import uuid7
from .lifecycle import Ending, host, process_started
from .messages import Link, Request
from .node import nodes
from .processing import Processing
from .runtime import run
from .storage.values import Claim, NewManager


class _Here(Link):
    """The link of a stage that runs where its claims are made."""

    def __init__(self, processing: Processing, request: Request) -> None:
        self._processing = processing
        self._request = request

    def progress(self, done: float, total: float, message: str) -> None:
        """Nobody watches."""

    def checkpoint(self, cursor: str) -> bool:
        return self._processing.checkpoint(self._request.stage, self._request.token, cursor)


def run_pending(node: str = "default", *, at_once: int = 10) -> int:
    """Run what the node has to run now, with real joins and failures; return how many starts there were.

    Stages run one after another in this process, claimed ``at_once`` at a time; timeouts are not kept, and what is due
    later stays.
    """
    processing, starts = Processing(nodes[node], uuid7()), 0
    pid = os.getpid()
    processing.enlist(
        NewManager(processing.manager, host(), pid, process_started(pid), "", "inline", at_once, "testing")
    )
    try:
        while True:
            recorded, _ = processing.rescue()
            while processing.settle().unsettled:
                pass
            pairs, unreadable = processing.claim(at_once)
            processing.record(unreadable)
            for claim, request in pairs:
                _run_one(processing, claim, request)
            starts += len(pairs)
            if not pairs and not unreadable and not recorded.wakes:
                return starts
    finally:
        processing.dismiss()


def _run_one(processing: Processing, claim: Claim, request: Request) -> None:
    """Run one claimed stage and record its end."""
    started = time.monotonic()
    report = run(request, _Here(processing, request))
    if not report.recorded:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        ending = Ending(claim, report, host=host(), duration=time.monotonic() - started, max_rss=usage.ru_maxrss)
        processing.record([ending])
