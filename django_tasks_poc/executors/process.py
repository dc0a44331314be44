"""Processes and their groups: death with the parent, orphans, ends, and who belongs to whom.

Linux has all of it. Elsewhere the parent-death signal and the search for orphans do nothing, and the group is killed
after its leader was reaped instead of before.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

IS_LINUX = sys.platform.startswith("linux")
#: Each process that an executor starts has this variable; so have those that it starts in turn.
MARK = "DJANGO_TASKS_POC_MARK"

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
# Without use_errno: its bookkeeping costs a forked child 50 page faults, a seventh of a millisecond.
_libc = ctypes.CDLL(None) if IS_LINUX else None
_PAGE = 4096
_HUGE = 2 << 20
_MADV_COLLAPSE = 25
#: Linux counts KiB, macOS bytes.
RSS_UNIT = 1024 if sys.platform == "darwin" else 1
#: Blocked while a child is forked, so that none is lost before the child has the default actions.
HELD_SIGNALS = (int(signal.SIGTERM), int(signal.SIGINT), int(signal.SIGHUP))


def _prctl(option: int, value: int) -> None:
    if _libc is not None and _libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(f"prctl({option}, {value}) is refused.")


def die_with_parent(parent: int, signum: int = signal.SIGKILL) -> None:
    """Have this process killed when its parent dies; end it at once when ``parent`` is gone already. 0 switches off."""
    _prctl(_PR_SET_PDEATHSIG, signum)
    if signum and os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, so that none of them gets out of sight."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


@dataclass(frozen=True, slots=True)
class End:
    """How a process ended: the status of wait(2), seconds, KiB."""

    pid: int
    status: int
    user: float
    system: float
    max_rss: int


def exit_code(status: int) -> tuple[int | None, int | None]:
    """Return the exit code or the signal of a status of wait(2), and None for the other."""
    code = os.waitstatus_to_exitcode(status)
    return (code, None) if code >= 0 else (None, -code)


def reap(pid: int) -> End | None:
    """Kill the group of a dead child and reap the child; None while it lives."""
    if hasattr(os, "waitid"):
        # The zombie keeps its pid, so the group that is killed cannot be somebody else's.
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        kill_group(pid, signal.SIGKILL)
    found, status, usage = os.wait4(pid, os.WNOHANG)
    if not found:
        return None
    if not hasattr(os, "waitid"):
        kill_group(pid, signal.SIGKILL)
    return End(pid, status, usage.ru_utime, usage.ru_stime, usage.ru_maxrss // RSS_UNIT)


def reap_any() -> Iterator[End]:
    """Reap the dead children one by one, each after its group was killed."""
    with contextlib.suppress(ChildProcessError):
        while True:
            if hasattr(os, "waitid"):
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if found is None:
                    return
                pid = found.si_pid
                kill_group(pid, signal.SIGKILL)
                _, status, usage = os.wait4(pid, 0)
            else:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if not pid:
                    return
                kill_group(pid, signal.SIGKILL)
            yield End(pid, status, usage.ru_utime, usage.ru_stime, usage.ru_maxrss // RSS_UNIT)


def kill_group(pid: int, signum: int) -> bool:
    """Send the signal to the group that ``pid`` leads; False when there is none."""
    try:
        os.killpg(pid, signum)
    except (ProcessLookupError, PermissionError):
        # macOS answers EPERM for a group of zombies.
        return False
    return True


def kill(pid: int, signum: int) -> None:
    """Send the signal to a child that was not reaped, and to its group once it leads one."""
    if not kill_group(pid, signum):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signum)


def children() -> list[int]:
    """List the children of this process, zombies too. Empty where the platform does not tell."""
    # The kernel may skip some while others come or go: what two looks agree on is complete.
    before, found = None, _listed_children()
    while found != before:
        before, found = found, _listed_children()
    return found


def _listed_children() -> list[int]:
    found: list[int] = []
    with contextlib.suppress(FileNotFoundError):
        for thread in os.listdir("/proc/self/task"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found += map(int, Path("/proc/self/task", thread, "children").read_bytes().split())
    return found


class Offspring:
    """The children of this process, zombies too, as long as it has one thread. Costs one call a look.

    Empty where the platform does not tell.
    """

    def __init__(self) -> None:
        #: To be closed by a fork, which would look at its parent with it.
        self.fd = -1
        with contextlib.suppress(OSError):
            self.fd = os.open("/proc/thread-self/children", os.O_RDONLY)

    def pids(self) -> list[int]:
        return [int(pid) for pid in self._read().split()]

    def count(self) -> int:
        return self._read().count(b" ")

    def _read(self) -> bytes:
        if self.fd < 0:
            return b""
        text = part = os.pread(self.fd, _PAGE, 0)
        # The kernel gives no more than a page at a time.
        while part and len(text) > _PAGE // 2:
            part = os.pread(self.fd, _PAGE, len(text))
            text += part
        return text


def collapse_memory() -> None:
    """Gather this process's data in huge pages where the kernel can (Linux 6.1): what a fork copies and frees of it
    is then 1 entry instead of 512 a piece.
    """
    if _libc is None:
        return
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/maps").read_text().splitlines():
            area, access, _, _, inode, *_ = line.split()
            first, last = (int(text, 16) for text in area.split("-"))
            if access == "rw-p" and inode == "0":
                first, last = -(-first // _HUGE) * _HUGE, last // _HUGE * _HUGE
                if first < last:
                    _libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(last - first), _MADV_COLLAPSE)


def thread_count() -> int:
    """Count the threads of this process, also those that Python did not start; 1 where the platform does not tell."""
    try:
        return os.stat("/proc/self/task").st_nlink - 2
    except OSError:
        return 1


def peak_memory() -> int | None:
    """Return the peak KiB of this program, not of the one that started it; None where the platform does not tell."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_bytes().splitlines():
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1])
    return None


def start_time(pid: int) -> float | None:
    """Return when the process started, in seconds since the boot; None when there is none."""
    fields = _stat(pid)
    return int(fields[19]) / os.sysconf("SC_CLK_TCK") if fields else None


def _stat(pid: int) -> list[bytes]:
    """Return the fields of /proc/PID/stat after the name, which may hold spaces and brackets: state is the first."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return []


def is_marked(pid: int, mark: str) -> bool:
    """Tell whether the process was started with a MARK that begins with ``mark``."""
    try:
        environ = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    return f"\0{MARK}={mark}".encode() in b"\0" + environ


#: Processes that executors here have started and not yet reaped; no orphans.
started: set[int] = set()


class Burial:
    """Kills and reaps what a process left behind: our adopted orphans with its mark, or of one of the sessions."""

    def __init__(self, mark: str, sessions: Collection[int]) -> None:
        self._mark = mark
        self._sessions = frozenset(sessions)
        self._victims: set[int] = set()

    def is_over(self) -> bool:
        """Kill what is found, reap what has died; True when nothing is left."""
        own_session = os.getsid(0)
        while True:
            self._victims |= {pid for pid in children() if pid not in started and self._is_ours(pid, own_session)}
            if not self._victims:
                return True
            for pid in self._victims:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            self._victims = {pid for pid in self._victims if not _is_reaped(pid)}
            if self._victims:
                return False
            # Those that have just been reaped may have left us children of theirs.

    def _is_ours(self, pid: int, own_session: int) -> bool:
        fields = _stat(pid)
        if not fields:
            return False
        state, session = fields[0], int(fields[3])
        # A zombie has no environment to be known by. In another session than this process it is a stage's.
        is_orphan = state == b"Z" and session != own_session
        return is_orphan or session in self._sessions or is_marked(pid, self._mark)


def _is_reaped(pid: int) -> bool:
    """Reap the child if it is dead; True also when it is nobody's any more."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def kill_marked(mark: str) -> list[int]:
    """Kill every process of this host whose MARK begins with ``mark``; return their pids. Does not wait.

    For the rescue of a dead manager's stages: finds the grandchildren that hold no lock.
    """
    killed: list[int] = []
    for name in os.listdir("/proc") if mark and IS_LINUX else ():
        if name.isdecimal() and int(name) != os.getpid() and is_marked(int(name), mark):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(name), signal.SIGKILL)
                killed.append(int(name))
    return killed


def close_on_exec() -> None:
    """Keep every open descriptor above 2 from programs that this process starts."""
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):
            if int(name) > 2:
                os.set_inheritable(int(name), False)
