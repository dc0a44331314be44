"""The fork servers of one executor: one that takes stages, others that end; a new one whenever one is lost."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any, Protocol

from . import control
from .server import Server
from .slots import Slot

logger = logging.getLogger("django_tasks_poc")

#: Seconds until a server that did not come up is tried again: at first, and at most.
_BACK_OFF, _MAX_BACK_OFF = 0.1, 5.0
#: A server that ends sooner than this after it was ready has not come up either.
_STEADY = 1.0
#: Seconds that servers have to end by themselves.
_STOP_WITHIN = 5.0


class Owner(Protocol):
    """Whom a fleet tells what happens to its servers."""

    def make_slots(self) -> list[Slot]: ...
    def told(self, server: Server, message: Any) -> None: ...
    def server_ready(self, server: Server) -> None: ...
    def server_left(self, server: Server) -> None:
        """It takes nothing new any more."""

    def server_gone(self, server: Server, why: str) -> None:
        """Nothing of it runs any more."""


class Fleet:
    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        owner: Owner,
        *,
        command: Sequence[str],
        max_stages: int,
        inherit_fds: Sequence[int],
        mark: str,
        watches: bool = False,
    ) -> None:
        self._loop = loop
        self._owner = owner
        self._command = command
        self._max_stages = max_stages
        self._inherit_fds = inherit_fds
        self._mark = mark
        self._watches = watches
        #: The server that takes stages; None while there is none that is ready.
        self.current: Server | None = None
        self.servers: dict[Server, None] = {}
        #: Handlers whose modules children import, never a server.
        self.skip: set[str] = set()
        self._newest: Server | None = None
        self._count = 0
        self._failures = 0
        self._again: asyncio.TimerHandle | None = None
        self._is_stopping = False
        #: Set when the first server is ready or has failed.
        self.tried = asyncio.Event()
        self._changed = asyncio.Event()

    def launch(self) -> None:
        """Start a server that is to be the current one."""
        self._again = None
        self._count += 1
        server = Server(
            self._loop, self._owner.make_slots(), f"{self._mark}.{self._count}", self._heard, self._failing, self._gone
        )
        for slot in server.slots:
            slot.server = server
        self._newest = server
        self.servers[server] = None
        try:
            server.spawn(self._command, self._max_stages, self._inherit_fds, sorted(self.skip), self._watches)
        except OSError as error:
            server.why = str(error)
            self._failing(server)
            self._gone(server)

    def retire(self, server: Server) -> None:
        """Let the server's stages go to their end on it, and start another."""
        if server.is_retiring:
            return
        server.is_retiring = True
        self._leave(server)
        if server is self._newest and not self._is_stopping:
            self.launch()
        self.dismiss_idle(server)

    def dismiss_idle(self, server: Server) -> None:
        """End a retired server that has no stage left."""
        if server.is_retiring and server.is_idle:
            server.send(control.Shutdown())

    async def stop(self) -> None:
        """End all servers."""
        self._is_stopping = True
        if self._again is not None:
            self._again.cancel()
        for server in list(self.servers):
            server.send(control.Shutdown())
        late = self._loop.call_later(_STOP_WITHIN, self._kill_all)
        while self.servers:
            self._changed.clear()
            await self._changed.wait()
        late.cancel()

    def _kill_all(self) -> None:
        for server in self.servers:
            server.kill("It did not end when it was told to.")

    def _heard(self, server: Server, message: Any) -> None:
        match message:
            case control.Ready():
                self.tried.set()
                if not server.is_retiring and not self._is_stopping:
                    self.current = server
                    self._owner.server_ready(server)
            case control.Problem(text):
                logger.warning(text)
            case control.Unfit(handler, why):
                self.skip.add(handler)
                logger.warning(
                    "Importing the module of %s %s, so it is imported in each stage's process only.", handler, why
                )
                self._owner.told(server, message)
                self.retire(server)
            case control.Changed(path):
                logger.info("%s has changed: from now on stages run with the new code, and those that run end.", path)
                self.retire(server)
            case control.Preparing() | control.Prepared() | control.Pong():
                pass
            case _:
                self._owner.told(server, message)

    def _leave(self, server: Server) -> None:
        if server is self.current:
            self.current = None
        self._owner.server_left(server)

    def _failing(self, server: Server) -> None:
        """Replace the server that has just died: at once, or later each time when none stays up."""
        if server.preparing:
            # The import itself may be what kills or hangs a server.
            self.skip.add(server.preparing)
        self._leave(server)
        if server is self._newest and not self._is_stopping:
            is_steady = server.ready_at and time.monotonic() - server.ready_at >= _STEADY
            self._failures = 0 if is_steady else self._failures + 1
            delay = min(_MAX_BACK_OFF, _BACK_OFF * 2 ** (self._failures - 1)) if self._failures else 0.0
            self._again = self._loop.call_later(delay, self.launch)

    def _gone(self, server: Server) -> None:
        why = server.describe_end()
        if not server.is_retiring and not self._is_stopping:
            logger.error("The fork server (pid %s) ended. %s", server.pid, why)
        self._owner.server_gone(server, why)
        server.close()
        del self.servers[server]
        self.tried.set()
        self._changed.set()
