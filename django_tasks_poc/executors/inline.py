"""Stages in threads of this process: for tests and notebooks, without any isolation."""

from __future__ import annotations

import asyncio
import os
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID

from ..connections import abandon_all
from ..messages import Checkpoint, Progress, Request
from .base import Executor, Exit, Listener
from .child import Run


class InlineExecutor(Executor):
    """Runs up to ``slots`` stages at a time, each in a thread.

    A thread cannot be killed: ``terminate`` and ``kill`` keep a stage from starting, no more, and ``stop`` waits for
    those that run. What they print is not kept.
    """

    def __init__(self, listener: Listener, *, slots: int, run: Run) -> None:
        self._listener = listener
        self._slots = slots
        self._run = run
        self._loop = asyncio.get_running_loop()
        self._links: dict[UUID, _ThreadLink] = {}
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="stage")
        self._idle = asyncio.Event()
        self._is_stopping = False

    async def start(self) -> None:
        """There is nothing to be made ready."""

    @property
    def free(self) -> int:
        return 0 if self._is_stopping else max(0, self._slots - len(self._links))

    def submit(self, request: Request) -> None:
        link = self._links[request.token] = _ThreadLink(self._loop, self._listener, request.token)
        self._threads.submit(self._work, request, link)

    def withdraw(self, token: UUID) -> None:
        """Do nothing: there is a thread for each that was submitted."""

    def terminate(self, token: UUID) -> None:
        if token in self._links:
            self._links[token].is_unwanted = True

    def kill(self, token: UUID) -> None:
        self.terminate(token)

    def checkpointed(self, token: UUID, accepted: bool) -> None:
        if token in self._links:
            self._links[token].answer(accepted)

    async def stop(self) -> None:
        self._is_stopping = True
        for link in self._links.values():
            link.is_unwanted = True
        while self._links:
            self._idle.clear()
            await self._idle.wait()
        self._threads.shutdown()

    def _work(self, request: Request, link: _ThreadLink) -> None:
        """Run the stage, in a thread."""
        tell = self._loop.call_soon_threadsafe
        if link.is_unwanted:
            tell(self._over, request.token, partial(self._listener.lost, request.token, False, "It was stopped."))
            return
        tell(self._listener.started, request.token, os.getpid())
        report, exit = None, Exit(os.getpid(), 0)
        try:
            report = self._run(request, link)
        except BaseException as error:
            exit = Exit(os.getpid(), 1, stderr="".join(traceback.format_exception(error)))
        finally:
            abandon_all()
        tell(self._over, request.token, partial(self._listener.ended, request.token, report, exit))

    def _over(self, token: UUID, tell: partial[None]) -> None:
        del self._links[token]
        self._idle.set()
        tell()


class _ThreadLink:
    def __init__(self, loop: asyncio.AbstractEventLoop, listener: Listener, token: UUID) -> None:
        self._loop = loop
        self._listener = listener
        self._token = token
        self._answered = threading.Event()
        self._accepted = False
        self.is_unwanted = False

    def progress(self, done: float, total: float, message: str) -> None:
        self._loop.call_soon_threadsafe(self._listener.progressed, Progress(self._token, done, total, message))

    def checkpoint(self, cursor: str) -> bool:
        self._answered.clear()
        self._loop.call_soon_threadsafe(self._listener.checkpoint, Checkpoint(self._token, cursor))
        self._answered.wait()
        return self._accepted

    def answer(self, accepted: bool) -> None:
        self._accepted = accepted
        self._answered.set()
