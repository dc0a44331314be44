"""The parts of a run, each by itself: the rows without processes, the processes without rows, a single commit."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable
from uuid import UUID, uuid4

from django_tasks_poc.executors import Exit, make_executor
from django_tasks_poc.lifecycle import Ending
from django_tasks_poc.messages import Checkpoint, Progress, Report, Request
from django_tasks_poc.models import ManagerProcess
from django_tasks_poc.node import nodes
from django_tasks_poc.outcomes import Answer
from django_tasks_poc.processing import Processing
from django_tasks_poc.runtime import run
from django_tasks_poc.storage.values import NewManager

from . import trees
from .databases import ROOT, UNSERVED
from .handlers import Square
from .managers import SLOTS

#: Stages of a measurement of rows and of processes, claimed and recorded in batches as a manager does.
_STAGES, _CLAIMED, _RECORDED = 10_000, 500, 200
#: Seconds that commits are counted.
_SECONDS = 1.0


def rows(node: str) -> float:
    """Return how many stages a second are claimed and recorded by one thread, with no process at all."""
    node += UNSERVED
    trees.fan_out(node, _STAGES)
    processing = enlisted(node)
    began, done = time.perf_counter(), 0
    while done < _STAGES:
        pairs, _ = processing.claim(_CLAIMED)
        endings = [_answered(claim, request) for claim, request in pairs]
        for first in range(0, len(endings), _RECORDED):
            processing.record(endings[first : first + _RECORDED])
        done += len(pairs)
    seconds = time.perf_counter() - began
    processing.dismiss()
    return _STAGES / seconds


def enlisted(node: str) -> Processing:
    """Return what a manager of the node does to the database, without the manager."""
    processing = Processing(nodes[node], uuid4())
    processing.enlist(NewManager(processing.manager, "a host of its own", 0, "", "", "benchmark", 1, ""))
    return processing


def _answered(claim, request: Request) -> Ending:  # type: ignore[no-untyped-def]
    report = Report(request.token, Answer.SUCCESS, "squared", "1")
    return Ending(claim, report, duration=0.001, user_cpu=0.001, system_cpu=0.0, max_rss=50_000)


def pipe(node: str, max_stages: int) -> float:
    """Return how many stages a second the processes run when nothing is claimed and nothing recorded."""
    return asyncio.run(_Pipe(node).rate(max_stages))


class _Pipe:
    """Listens to an executor, and gives it the next request for each that is over."""

    def __init__(self, node: str) -> None:
        self._requests = [self._request(node, number) for number in range(_STAGES)]
        self._over = asyncio.Event()
        self._ended = 0

    @staticmethod
    def _request(node: str, number: int) -> Request:
        handler = f"{Square.__module__}.{Square.__qualname__}"
        return Request(uuid4(), uuid4(), uuid4(), node, handler, f'{{"number": {number}}}')

    async def rate(self, max_stages: int) -> float:
        self._executor = make_executor(
            "prefork", self, slots=SLOTS, command=[sys.executable, str(ROOT / "manage.py"), "handle_stage"], run=run,
            max_stages_per_process=max_stages, inherit_fds=(), mark="",
        )  # fmt: skip
        await self._executor.start()
        began = time.perf_counter()
        self.capacity_changed()
        await self._over.wait()
        seconds = time.perf_counter() - began
        await self._executor.stop()
        return _STAGES / seconds

    def capacity_changed(self) -> None:
        while self._requests and self._executor.free:
            self._executor.submit(self._requests.pop())

    def started(self, token: UUID, pid: int) -> None: ...

    def progressed(self, message: Progress) -> None: ...

    def checkpoint(self, message: Checkpoint) -> None: ...

    def ended(self, token: UUID, report: Report | None, exit: Exit) -> None:
        assert report is not None, exit
        self._ended += 1
        if self._ended == _STAGES:
            self._over.set()
        self.capacity_changed()

    def lost(self, token: UUID, was_started: bool, why: str) -> None:
        raise AssertionError(why)


def commit(node: str) -> float:
    """Return how many updates of one row a second are committed, each durable before the next."""
    manager = enlisted(node + UNSERVED).manager
    row = ManagerProcess.objects.using(nodes[node].database).filter(uuid=manager)
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < _SECONDS:
        row.update(running=done)
        done += 1
    return done / (time.perf_counter() - began)


def combined(rates: Iterable[float]) -> float:
    """Return the rate of work that goes through all of these parts one after another."""
    return 1 / sum(1 / rate for rate in rates)
