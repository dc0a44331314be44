"""The manager's side of one fork server process: its start, its control socket, its death."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ..messages import Message
from . import control, process
from .output import Output
from .slots import Slot

#: Seconds within which a server has to say that it is ready, and to have imported a handler.
READY_WITHIN = 30.0
#: Seconds within which it has to answer a ping, and between two pings.
ANSWER_WITHIN = 10.0
_PING_EVERY = 5.0
_LOOK_AGAIN = 0.005


class Server:
    """A fork server and its slots. ``heard`` gets its messages; ``gone`` is called once, when nothing of it runs."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        slots: Sequence[Slot],
        mark: str,
        heard: Callable[[Server, Any], None],
        failing: Callable[[Server], None],
        gone: Callable[[Server], None],
    ) -> None:
        self._loop = loop
        self.slots = slots
        self.mark = mark
        self._heard = heard
        self._failing = failing
        self._gone = gone
        self._unpacker = control.Unpacker()
        self._timer: asyncio.TimerHandle | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._pids: set[int] = set()
        self._burial: process.Burial | None = None
        self.started_at = time.monotonic()
        self.ready_at = 0.0
        #: It gets no new requests; it ends when its stages have.
        self.is_retiring = False
        self.is_dead = False
        #: The handler whose module it imports just now.
        self.preparing = ""
        self._waits_since = self.started_at
        self._limit = READY_WITHIN
        #: Why it ended, when that is known here.
        self.why = ""

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def is_idle(self) -> bool:
        return not any(slot.stages for slot in self.slots)

    def spawn(
        self, command: Sequence[str], max_stages: int, inherit_fds: Sequence[int], skip: Sequence[str], watches: bool
    ) -> None:
        """Start the process; raise OSError when there is no such program."""
        mine, theirs = socket.socketpair()
        reader, writer = os.pipe()
        options = control.ServeOptions(
            os.getpid(), theirs.fileno(), [slot.descriptors for slot in self.slots], max_stages, list(skip), watches
        )
        passed = [theirs.fileno(), *inherit_fds, *(fd for slot in self.slots for fd in slot.descriptors)]
        self._control = mine
        self._output = Output(self._loop, reader)
        mine.setblocking(False)
        try:
            # A session of its own: a Ctrl-C in the manager's terminal is the manager's to deal with.
            self._process = subprocess.Popen(
                [*command, "--serve", msgspec.json.encode(options).decode()],
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                pass_fds=passed,
                start_new_session=True,
                env={**os.environ, process.MARK: self.mark},
            )
            process.started.add(self._process.pid)
        finally:
            theirs.close()
            os.close(writer)
            for slot in self.slots:
                slot.close_descriptors()
            self._loop.add_reader(mine, self._read)
        self._timer = self._loop.call_later(1.0, self._watch)

    def send(self, message: Message) -> None:
        """Tell the server; it is killed when it has let its socket fill up."""
        if self.is_dead:
            return
        try:
            frame = control.pack(message)
            if self._control.send(frame) < len(frame):
                self.kill("It does not read its control socket.")
        except BlockingIOError:
            self.kill("It does not read its control socket.")
        except OSError:
            # It is gone: its end of the socket tells.
            pass

    def remember(self, pid: int) -> None:
        """Keep the pid of a child, which is its session's too, until the child has ended."""
        self._pids.add(pid)

    def forget(self, pid: int) -> None:
        self._pids.discard(pid)

    def kill(self, why: str) -> None:
        """End the process; its children die by the parent-death signal, what else is there is buried."""
        self.why = self.why or why
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, signal.SIGKILL)

    def describe_end(self) -> str:
        """Say how the process ended, with the end of what it printed."""
        code = self._process.returncode if self._process else None
        parts = [self.why, f"exit code {code}" if code is not None else "", self._output.take().strip()]
        return "\n".join(part for part in parts if part)

    def close(self) -> None:
        self._cancel_timer()
        self._loop.remove_reader(self._control)
        self._control.close()
        self._output.close()
        for slot in self.slots:
            slot.close_descriptors()
            slot.channel.close()

    def _read(self) -> None:
        try:
            data = self._control.recv(65536)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self._die()
            return
        for body in list(self._unpacker.feed(data)):
            message = control.from_fork_server(body)
            self._waits_since = 0.0
            self._note(message)
            self._heard(self, message)

    def _note(self, message: Any) -> None:
        match message:
            case control.Ready():
                self.ready_at = time.monotonic()
                self._limit = ANSWER_WITHIN
            case control.Preparing(handler):
                self.preparing = handler
                self._waits_since = time.monotonic()
                self._limit = READY_WITHIN
            case control.Prepared() | control.Unfit():
                self.preparing = ""
                self._limit = ANSWER_WITHIN

    def _watch(self) -> None:
        """See whether the server answers; kill it when it does not."""
        self._timer = self._loop.call_later(1.0, self._watch)
        now = time.monotonic()
        if self._waits_since:
            if now - self._waits_since > self._limit:
                what = f"import {self.preparing}" if self.preparing else "answer" if self.ready_at else "become ready"
                self.kill(f"It did not {what} within {self._limit:g} s.")
        elif now - self._pinged_at > _PING_EVERY:
            self._pinged_at = self._waits_since = now
            self.send(control.Ping())

    _pinged_at = 0.0

    def _die(self) -> None:
        self.is_dead = True
        self._loop.remove_reader(self._control)
        self.kill("")
        self._failing(self)
        self._bury()

    def _bury(self) -> None:
        """Make sure that nothing of the server, its children and theirs runs; then say so."""
        self._cancel_timer()
        is_gone = self._process is None or self._process.poll() is not None
        if is_gone:
            process.started.discard(self.pid)
        if not process.IS_LINUX:
            for pid in self._pids:
                process.kill_group(pid, signal.SIGKILL)
        self._burial = self._burial or process.Burial(self.mark, self._pids)
        if self._burial.is_over() and is_gone:
            self._gone(self)
        else:
            self._timer = self._loop.call_later(_LOOK_AGAIN, self._bury)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
