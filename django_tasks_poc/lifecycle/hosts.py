"""Which host this is, which process a pid means, and the lock file that tells whether one still runs."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
from functools import lru_cache
from pathlib import Path
from uuid import UUID

from ..conf import SETTING
from ..exceptions import NoLockFile


@lru_cache(maxsize=1)
def host() -> str:
    """Return a name of this host that no other has: host name, boot id, pid namespace.

    Two containers with one host name have different namespaces; a reboot makes another host of it.
    """
    return " ".join([socket.gethostname()[:128], _read("/proc/sys/kernel/random/boot_id"), _namespace()])


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return "-"


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return "-"


def process_started(pid: int) -> str:
    """Return when the process with this pid started, as its kernel counts it; "" when there is none."""
    if os.path.exists("/proc/self/stat"):
        stat = _read(f"/proc/{pid}/stat")
        if stat == "-":
            return ""
        # The command's name, in parentheses, may hold anything: count behind it. Field 3 is the state, 22 the start.
        fields = stat.rpartition(")")[2].split()
        return "" if fields[0] in ("Z", "X") else fields[19]
    listed = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip()


#: Bytes of a token in a lock file.
_TOKEN = 16


class LockFile:
    """A file locked by a manager and, by inheritance, by every process that it started.

    It holds the tokens of the starts that were reported to the manager, for who takes up what it leaves: a stage that
    was claimed and did not begin cannot be what the manager died of. Those that are over may stay in it.
    """

    def __init__(self, folder: str | os.PathLike[str], manager: UUID) -> None:
        self.path = str(Path(folder) / f"django_tasks_poc-{manager}.lock")
        try:
            self.fd = os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise NoLockFile(
                f"A lock file cannot be made in {folder}: {error.strerror}. "
                f"Name a folder that is there and may be written in {SETTING}['LOCK_DIR']."
            ) from error
        fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._places: dict[UUID, int] = {}
        self._free: list[int] = []

    def note(self, token: UUID) -> None:
        """Note that the start with this token was reported."""
        place = self._free.pop() if self._free else len(self._places)
        self._places[token] = place
        os.pwrite(self.fd, token.bytes, place * _TOKEN)

    def forget(self, token: UUID) -> None:
        """Give the place of a start that is over to another."""
        if (place := self._places.pop(token, None)) is not None:
            self._free.append(place)

    def release(self) -> None:
        """Remove the file; called when nothing that inherited the lock runs any more."""
        Path(self.path).unlink(missing_ok=True)
        os.close(self.fd)


def starts_noted_in(path: str) -> frozenset[UUID] | None:
    """Return the tokens in a manager's lock file; None when there is no such file any more."""
    try:
        with open(path, "rb") as file:  # not Path(path), which takes the empty name for this folder
            held = file.read()
    except FileNotFoundError:
        return None
    return frozenset(UUID(bytes=held[at : at + _TOKEN]) for at in range(0, len(held) - _TOKEN + 1, _TOKEN))


def is_free(path: str) -> bool:
    """Say whether no process holds the lock file any more."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        Path(path).unlink(missing_ok=True)
        return True
    finally:
        os.close(fd)
