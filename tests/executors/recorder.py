"""An executor that runs toy stages in real processes, and a listener that remembers what it hears."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django_tasks_poc.executors import Executor, Exit, PreforkExecutor, make_executor, process
from django_tasks_poc.messages import Checkpoint, Progress, Report, Request
from django_tasks_poc.outcomes import Answer

COMMAND = [sys.executable, "-W", "error", str(Path(__file__).with_name("host.py"))]
PATIENCE = 60
FORKED, REUSED, COLD = ("prefork", 1), ("prefork", 100), ("subprocess", 1)

Kind = tuple[str, int]
Scenario = Callable[[], Coroutine[Any, Any, None]]


def request(handler: str, params: Any = None, **options: Any) -> Request:
    return Request(
        task=uuid4(), stage=uuid4(), token=uuid4(), node="default", handler=f"toys.{handler}",
        params=json.dumps(params), **options,
    )  # fmt: skip


@dataclass
class End:
    """What the listener heard of one stage."""

    pid: int = 0
    starts: int = 0
    report: Report | None = None
    exit: Exit | None = None
    lost: str | None = None
    was_started: bool = False

    @property
    def is_over(self) -> bool:
        return self.exit is not None or self.lost is not None

    @property
    def response(self) -> Any:
        assert self.report is not None, self
        assert self.report.answer is Answer.SUCCESS, self.report.message
        return json.loads(self.report.response)


class Recorder:
    """A listener that remembers, and lets a test wait."""

    def __init__(self) -> None:
        self.ends: dict[UUID, End] = {}
        self.progress: list[Progress] = []
        self.cursors: list[str] = []
        self.accept = True
        self.executor: Executor
        self._changed = asyncio.Event()

    def submit(self, *requests: Request) -> list[UUID]:
        for one in requests:
            self.ends[one.token] = End()
            self.executor.submit(one)
        return [one.token for one in requests]

    async def run(self, handler: str, params: Any = None, **options: Any) -> End:
        (token,) = self.submit(request(handler, params, **options))
        return await self.end(token)

    async def end(self, token: UUID) -> End:
        await self.until(lambda: self.ends[token].is_over)
        return self.ends[token]

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_true(self, condition: Callable[[], Any]) -> None:
        """Wait for what no event tells of."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.01)

    async def begun(self, token: UUID) -> None:
        """Wait until the handler itself says that it runs."""
        await self.until(lambda: any(one.token == token for one in self.progress))

    def started(self, token: UUID, pid: int) -> None:
        self.ends[token].starts += 1
        self.ends[token].pid = pid
        self._changed.set()

    def progressed(self, message: Progress) -> None:
        self.progress.append(message)
        self._changed.set()

    def checkpoint(self, message: Checkpoint) -> None:
        self.cursors.append(message.cursor)
        self.executor.checkpointed(message.token, self.accept)

    def ended(self, token: UUID, report: Report | None, exit: Exit) -> None:
        assert not self.ends[token].is_over, "told twice"
        self.ends[token].report, self.ends[token].exit = report, exit
        self._changed.set()

    def lost(self, token: UUID, was_started: bool, why: str) -> None:
        assert not self.ends[token].is_over, "told twice"
        self.ends[token].lost, self.ends[token].was_started = why, was_started
        self._changed.set()

    def capacity_changed(self) -> None:
        self._changed.set()


@asynccontextmanager
async def executor(kind: Kind, *, slots: int = 2, **options: Any) -> AsyncIterator[Recorder]:
    """Run an executor; fail for what went wrong in a callback, and for descriptors that are left open."""
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    name, max_stages = kind
    recorder = Recorder()
    before = set(os.listdir("/proc/self/fd"))
    recorder.executor = make_executor(
        name, recorder, slots=slots, command=COMMAND, max_stages_per_process=max_stages, **options
    )
    await recorder.executor.start()
    try:
        yield recorder
    finally:
        await recorder.executor.stop()
    assert all(end.is_over for end in recorder.ends.values())
    assert not problems
    assert set(os.listdir("/proc/self/fd")) == before
    assert not process.children()


def server_of(recorder: Recorder) -> int:
    assert isinstance(recorder.executor, PreforkExecutor)
    current = recorder.executor._fleet.current
    assert current is not None
    return current.pid


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def play(scenario: Scenario) -> None:
    asyncio.run(scenario())
