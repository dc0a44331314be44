"""The stage process's end of its socket: takes requests, sends what the stage says."""

from __future__ import annotations

import math
import os
import socket
import struct
import threading
import time
from collections import deque
from uuid import UUID

import msgspec

from ..messages import (
    MAX_FRAME,
    Checkpoint,
    Checkpointed,
    Message,
    Progress,
    Report,
    Request,
    Started,
    for_child,
    pack,
)
from ..outcomes import Answer

_HEAD = struct.Struct("!I")
# Plain numbers: to combine the enums of ``socket`` touches pages that a new child has to copy.
_PEEK, _DONTWAIT, _WAITALL = int(socket.MSG_PEEK), int(socket.MSG_DONTWAIT), int(socket.MSG_WAITALL)
#: Seconds between two progress messages; what comes sooner is replaced by the next.
_PROGRESS_EVERY = 0.1
#: Characters of a progress message; so a frame is small enough to go into the socket whole or not at all.
_PROGRESS_TEXT = 1000


class SocketLink:
    """Speaks for the stages of this process, and of no other: a fork of it is mute."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._pid = os.getpid()
        self._inode = os.fstat(sock.fileno()).st_ino
        self._requests: deque[Request] = deque()
        self._answers: deque[Checkpointed] = deque()
        self._token: UUID | None = None
        self._held = b""
        self._progress: Progress | None = None
        self._progress_at = 0.0
        self._lock = threading.Lock()
        global _speaker
        _speaker = self

    @property
    def is_mine(self) -> bool:
        """Whether this is the process that the link was made in, and no fork of it."""
        return os.getpid() == self._pid

    def receive(self) -> Request | None:
        """Wait for a request and tell that it is taken up; None when the manager is gone."""
        if not self._requests and self._held:
            self._fill(_DONTWAIT)
        if not self._requests:
            self._send_held()
        while not self._requests:
            if not self._fill():
                return None
        request = self._requests.popleft()
        self._token = request.token
        self._progress_at = 0.0
        # The report before and this go together: one call, one wake-up of the manager.
        self._held += pack(Started(request.token, self._pid))
        self._send_held()
        return request

    def report(self, report: Report, *, goes_on: bool) -> None:
        """Send how the stage ended; a process that goes on sends it with what ``receive`` says next."""
        self._assert_open()
        with self._lock:
            self._token = None
            self._held = self._take_progress() + _frame(report)
        if not goes_on:
            self._send_held()

    def progress(self, done: float, total: float, message: str) -> None:
        """Tell how far the stage is; never blocks, never fails."""
        if not self.is_mine:
            return
        try:
            done, total = float(done), float(total)
            text = str(message)[:_PROGRESS_TEXT].encode(errors="replace").decode()
        except Exception:  # Whatever was passed: progress is no reason to fail.
            return
        if not (math.isfinite(done) and math.isfinite(total)):
            return
        with self._lock:
            if self._token is None:
                return
            self._progress = Progress(self._token, done, total, text)
            now = time.monotonic()
            if now - self._progress_at >= _PROGRESS_EVERY and self._try_to_send(pack(self._progress)):
                self._progress_at = now
                self._progress = None

    def checkpoint(self, cursor: str) -> bool:
        """Have the cursor (JSON text) committed; False when the stage is no longer this process's."""
        if not self.is_mine or self._token is None:
            return False
        token = self._token
        with self._lock:
            self._sock.sendall(self._take_progress() + pack(Checkpoint(token, cursor)))
        while True:
            while self._answers:
                answer = self._answers.popleft()
                if answer.token == token:
                    return answer.accepted
            if not self._fill():
                # The manager is gone: nothing of this stage can be recorded any more.
                os._exit(1)

    def mute(self) -> None:
        """Close the socket: the process is a fork of the stage's and may not speak for it."""
        self._sock.close()

    def _fill(self, flags: int = 0) -> bool:
        """Read one frame; False when the manager is gone, or nothing is there and the flags say not to wait.

        Never more than that: what is behind it can still be taken back by the manager.
        """
        # Plain calls in one place: each object that this touches is on a page that a new child has to copy.
        recv = self._sock.recv
        try:
            frame = b""
            while not frame:
                head = recv(_HEAD.size, flags | _PEEK)
                if len(head) < _HEAD.size:
                    return False
                size = _HEAD.size + _HEAD.unpack(head)[0]
                try:
                    frame = recv(size, _DONTWAIT)
                except BlockingIOError:
                    # What was seen has been taken back meanwhile.
                    continue
            while len(frame) < size:
                more = recv(size - len(frame), _WAITALL)
                if not more:
                    return False
                frame += more
        except (BlockingIOError, ConnectionError):
            return False
        message = for_child(frame[_HEAD.size :])
        if isinstance(message, Request):
            self._requests.append(message)
        else:
            self._answers.append(message)
        return True

    def _assert_open(self) -> None:
        """Raise OSError when the stage closed the socket, the number of which may be another file's by now."""
        try:
            is_open = os.fstat(self._sock.fileno()).st_ino == self._inode
        except OSError:
            is_open = False
        if not is_open:
            raise OSError(
                f"The handler closed descriptor {self._sock.fileno()}, through which its answer goes to the manager. "
                "Close only what you opened."
            )

    def _send_held(self) -> None:
        if self._held:
            self._sock.sendall(self._held)
            self._held = b""

    def _take_progress(self) -> bytes:
        latest, self._progress = self._progress, None
        return pack(latest) if latest else b""

    def _try_to_send(self, frame: bytes) -> bool:
        try:
            sent = self._sock.send(frame, _DONTWAIT)
        except OSError:
            return False
        if sent < len(frame):
            self._sock.sendall(frame[sent:])
        return True


def _frame(report: Report) -> bytes:
    try:
        frame = pack(report)
    except UnicodeEncodeError:
        frame = pack(_clean(report))
    if len(frame) > MAX_FRAME:
        problem = f"The outcome has {len(frame)} bytes, more than a message may have ({MAX_FRAME})."
        frame = pack(Report(report.token, Answer.ERROR, problem, error_message=problem))
    return frame


def _clean(message: Report) -> Message:
    """Replace lone surrogates, which no encoding knows."""
    texts = {
        name: value.encode(errors="replace").decode()
        for name, value in msgspec.structs.asdict(message).items()
        if isinstance(value, str)
    }
    return msgspec.structs.replace(message, **texts)


_speaker: SocketLink | None = None


def mute_forks() -> None:
    """Have nobody speak for the stage any more: this process is a fork of its own, or about to fork others."""
    global _speaker
    if _speaker is not None:
        _speaker.mute()
        _speaker = None


os.register_at_fork(after_in_child=mute_forks)
