"""The fork server: a loaded Django that forks a child for a slot when its manager asks.

It has one thread, no event loop, no open database connection, and runs no user code but the imports of handlers.
"""

from __future__ import annotations

# Under ``signal``, which makes enums of what it is told and tells.
import _signal  # type: ignore[import-not-found]
import contextlib
import faulthandler
import gc
import os
import selectors
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import NoReturn
from uuid import UUID

import msgspec

from ..messages import Message, Request, for_child
from . import child, control, process
from .child import Run
from .departures import Departures
from .sources import EVERY, Sources

#: Seconds after which a fork that the system refused is tried again.
_FORK_AGAIN = 0.1


def serve(run: Run, prepare: Callable[[str], None], rehearsal: Request, options: str) -> NoReturn:
    """Be a fork server until the manager says so or is gone; ``options`` is the argument of ``--serve``.

    ``run`` runs a request in a child; ``prepare`` imports the module of a handler, given by its dotted path;
    ``rehearsal`` is run once in the server itself.
    """
    code = 1
    try:
        ForkServer(msgspec.json.decode(options, type=control.ServeOptions), run, prepare).serve(rehearsal)
        code = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)


class ForkServer:
    def __init__(self, options: control.ServeOptions, run: Run, prepare: Callable[[str], None]) -> None:
        self._options = options
        self._run = run
        self._prepare = prepare
        self._prepared = {"", *options.skip}
        self._unfit = False
        self._over = False
        self._sources: Sources | None = None
        self._refused: list[control.Fork] = []
        self._control = socket.socket(fileno=options.control)
        self._sockets = [socket.socket(fileno=descriptors[0]) for descriptors in options.slots]
        self._unpacker = control.Unpacker()
        self._children: dict[int, int] = {}
        self._departures = Departures(self._children)
        self._wake_reader, self._wake_writer = socket.socketpair()
        # Of all selectors the one without a descriptor, which children would share.
        self._selector = selectors.PollSelector()
        self._outputs = [list(zip(fds[1::2], fds[2::2], strict=True)) for fds in options.slots]
        #: For each slot, what its child has to close.
        self._foreign: list[list[int]] = []

    def serve(self, rehearsal: Request) -> None:
        self._set_up(rehearsal)
        self._tell(control.Ready(os.getpid()))
        while not self._over:
            events = self._selector.select(self._patience())
            if any(key.fileobj is self._wake_reader for key, _ in events):
                self._wake_reader.recv(4096)
            self._bid_farewell()
            self._fork_refused()
            self._look_at_sources()
            if any(key.fileobj is self._control for key, _ in events):
                self._obey()
        self._departures.kill_all()

    def _patience(self) -> float | None:
        """Return for how many seconds at the most nothing is to be done but to listen."""
        timeout = _FORK_AGAIN if self._refused else self._departures.timeout
        return timeout if self._sources is None else min(EVERY, EVERY if timeout is None else timeout)

    def _look_at_sources(self) -> None:
        if self._sources is not None and (path := self._sources.changed()) is not None:
            self._tell(control.Changed(str(path)))
            self._sources = None  # This server is replaced.

    def _set_up(self, rehearsal: Request) -> None:
        process.die_with_parent(self._options.parent)
        process.close_on_exec()
        process.adopt_orphans()
        faulthandler.enable()
        child.open_up_streams()
        for sock in (self._wake_reader, self._wake_writer):
            sock.setblocking(False)
        self._set_signals()
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        own = [self._options.control, self._wake_reader.fileno(), self._wake_writer.fileno()]
        if self._departures.offspring.fd >= 0:
            own.append(self._departures.offspring.fd)
        for slot in self._options.slots:
            self._foreign.append([*own, *(fd for other in self._options.slots if other is not slot for fd in other)])
        child.rehearse(self._run, rehearsal)
        if self._options.watches:
            self._sources = Sources()
        _freeze()
        # From here on the end of the control socket tells of the manager's death: the groups of the children are
        # killed then, which a parent-death signal could not do.
        process.die_with_parent(0, 0)

    def _set_signals(self) -> None:
        """Leave the ends to the manager: a Ctrl-C or a SIGTERM to the whole unit means it first."""
        for number in process.HELD_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)

    def _obey(self) -> None:
        data = self._control.recv(65536)
        if not data:
            self._over = True
        for body in self._unpacker.feed(data):
            match control.for_fork_server(body):
                case control.Fork() as order:
                    self._fork(order)
                case control.Signal(slot, signum):
                    self._departures.signal(slot, signum)
                case control.Recall(slot):
                    self._tell(control.Recalled(slot, *_drain(self._sockets[slot])))
                case control.Ping():
                    self._tell(control.Pong())
                case control.Shutdown():
                    self._over = True

    def _bid_farewell(self) -> None:
        for exited in self._departures.look():
            # What its child has not read is taken out when the manager asks, who knows whether there is anything.
            self._tell(exited)

    def _fork(self, order: control.Fork) -> None:
        if order.handler not in self._prepared and not self._unfit:
            self._import(order.handler)
        if self._unfit:
            return
        sys.stdout.flush()
        _signal.pthread_sigmask(_signal.SIG_BLOCK, process.HELD_SIGNALS)
        try:
            pid = os.fork()
            if not pid:
                self._be_child(order.slot)
        except OSError as error:
            if not self._refused:
                self._tell(control.Problem(f"The fork server cannot fork, and goes on trying: {error}"))
            self._refused.append(order)
        else:
            self._children[pid] = order.slot
        finally:
            _signal.pthread_sigmask(_signal.SIG_UNBLOCK, process.HELD_SIGNALS)

    def _fork_refused(self) -> None:
        orders, self._refused = self._refused, []
        for order in orders:
            self._fork(order)

    def _be_child(self, slot: int) -> NoReturn:
        try:
            for descriptor in self._foreign[slot]:
                os.close(descriptor)
        except BaseException:
            os._exit(70)
        child.begin(self._departures.pid, self._sockets[slot], self._outputs[slot], self._run, self._options.max_stages)

    def _import(self, handler: str) -> None:
        """Import the handler's module, and see what it did to this process."""
        self._tell(control.Preparing(handler))
        # Nobody listens to the control socket meanwhile.
        process.die_with_parent(self._options.parent)
        # An import that fails is the child's to report: it is tried there again.
        with contextlib.suppress(BaseException):
            self._prepare(handler)
        process.die_with_parent(0, 0)
        self._prepared.add(handler)
        if self._sources is not None:
            self._sources.note()
        self._set_signals()
        _freeze()
        if why := _unfitness():
            self._unfit = True
            running = [*self._children.values(), *self._departures.slots]
            self._tell(control.Unfit(handler, why, running))
        else:
            self._tell(control.Prepared(handler))

    def _tell(self, message: Message) -> None:
        try:
            self._control.sendall(control.pack(message))
        except OSError:
            self._over = True


def _freeze() -> None:
    """Keep the collector from touching, and so copying, the pages that children share."""
    gc.collect()
    gc.freeze()
    process.collapse_memory()


def _unfitness() -> str:
    """Say why this process may not fork; "" when it may."""
    from django.db import connections

    if threading.active_count() > 1 or process.thread_count() > 1:
        names = ", ".join(thread.name for thread in threading.enumerate() if thread is not threading.main_thread())
        return f"starts a thread ({names or 'not one of Python'})"
    opened = [item.alias for item in connections.all(initialized_only=True) if item.connection is not None]
    return f"opens the database connection {', '.join(opened)}" if opened else ""


def _drain(sock: socket.socket) -> tuple[list[UUID], list[tuple[UUID, bool]]]:
    """Take out what no child has read: tokens of requests, and of checkpoints with their answers."""
    requests: list[UUID] = []
    checkpointed: list[tuple[UUID, bool]] = []
    unpacker = control.Unpacker()
    with contextlib.suppress(OSError, ValueError, msgspec.MsgspecError):
        while data := sock.recv(65536, socket.MSG_DONTWAIT):
            for body in unpacker.feed(data):
                message = for_child(body)
                if isinstance(message, Request):
                    requests.append(message.token)
                else:
                    checkpointed.append((message.token, message.accepted))
    return requests, checkpointed
