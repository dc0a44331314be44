"""Task managers in the background: started, watched, signalled and, in the end, gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings

from .support import manager_environment

T = TypeVar("T")

#: Seconds that any wait may take.
DEADLINE = 30.0


def until(condition: Callable[[], T], what: str, seconds: float = DEADLINE, manager: Manager | None = None) -> T:
    """Ask again until the condition holds, and return what it returned; fail loudly at the deadline."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        said = f" The manager said:\n{manager.said}" if manager else ""
        assert time.monotonic() < deadline, f"Waited {seconds:g} s for this: {what}.{said}"
        time.sleep(0.01)
    return value


class Manager:
    """A run_task_manager in a process of its own; it and its descendants are all that is ever signalled."""

    def __init__(
        self,
        arguments: tuple[str, ...],
        folder: str,
        command: str = "run_task_manager",
        project: Path = settings.BASE_DIR,
        **environment: str,
    ) -> None:
        self._errors = Path(folder, "stderr")
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", command, *arguments],
                cwd=project,
                env=manager_environment() | environment,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                start_new_session=True,
            )
        self.pid = self.process.pid

    @property
    def said(self) -> str:
        return self._errors.read_text(errors="replace")

    def wait_until(self, condition: Callable[[], T], what: str, seconds: float = DEADLINE) -> T:
        return until(condition, what, seconds, self)

    def wait_until_up(self) -> None:
        self.wait_until(lambda: "works on node" in self.said, "the manager works")

    def descendants(self) -> list[int]:
        """Return the pids of the processes below the manager: fork servers, stages, and what those started."""
        found, below = [], [self.pid]
        while below:
            below = [child for pid in below for child in children_of(pid)]
            found += below
        return found

    def fork_server(self) -> int:
        """Return the pid of its fork server."""
        (pid,) = self.wait_until(lambda: children_of(self.pid), "the manager has a fork server")
        return pid

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def ended(self, seconds: float = DEADLINE) -> int:
        """Wait for its end; return the exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"The manager did not end within {seconds:g} s. It said:\n{self.said}") from None

    def stop(self, seconds: float = DEADLINE) -> int:
        """Ask it to end, as a service manager does."""
        self.signal(signal.SIGTERM)
        return self.ended(seconds)


@contextmanager
def manager(*arguments: str, project: Path = settings.BASE_DIR, **environment: str) -> Iterator[Manager]:
    """Run a task manager meanwhile, with variables of its own; whatever happens, nothing of it is left behind."""
    with tempfile.TemporaryDirectory() as folder:
        running = Manager(arguments, folder, project=project, **environment)
        try:
            yield running
        finally:
            if running.process.poll() is None:
                below = running.descendants()
                running.process.kill()
                running.process.wait()
                # They die by themselves; a test that shows the contrary fails before.
                for pid in below:
                    until(lambda pid=pid: not lives(pid), f"process {pid} dies with its manager", 10)


def children_of(pid: int) -> list[int]:
    with suppress(FileNotFoundError, ProcessLookupError):
        tasks = Path("/proc", str(pid), "task")
        return [int(child) for task in tasks.iterdir() for child in (task / "children").read_text().split()]
    return []


def lives(pid: int) -> bool:
    """Say whether the process is there and no zombie."""
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Signal a process that a manager of ours started."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def facts_of(row: Any, *names: str) -> dict[str, Any]:
    """Return fields of a row as it is now in the database."""
    row.refresh_from_db()
    return {name: getattr(row, name) for name in names}
