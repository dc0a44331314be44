"""Which managers count as gone, and that nobody is killed for another: pids mean something on their own host only."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from django_tasks_poc.lifecycle import LockFile, bury_the_dead, host, hosts, process_started

#: It knows of no database.
pytestmark = pytest.mark.anywhere

ELSEWHERE = "another-host 5f0e4bd2-0000-4000-8000-000000000000 pid:[4026531836]"


class Rows:
    """Stands for the rows of managers that did not end."""

    def __init__(self) -> None:
        self.rows: list[tuple[UUID, str, int, str, str, bool]] = []
        self.dead: list[UUID] = []

    def add(self, where: str, pid: int, started: str, lock: str = "", *, late: bool = False) -> UUID:
        uuid = uuid4()
        self.rows.append((uuid, where, pid, started, lock, late))
        return uuid

    def suspects(self) -> Sequence[tuple[UUID, str, int, str, str, bool]]:
        return self.rows

    def declare_dead(self, lost: Iterable[UUID]) -> None:
        self.dead += lost

    def look(self, *, kills_late: bool = True, kill_rest: Any = None) -> bool:
        """Look at the rows; return whether one is dying still."""
        command: Any = self
        is_dying, _ = bury_the_dead(command, uuid4(), kills_late=kills_late, kill_rest=kill_rest)
        return is_dying


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process of ours that lives and does nothing."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        yield child
        child.kill()


def lives(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is None


@pytest.fixture
def container(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return the name of a host in another pid namespace, or after another boot, but with the name of this one."""

    def named(**changes: str) -> str:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in changes.items():
                patch.setattr(hosts, name, lambda *_, value=value: value)
            host.cache_clear()
            return host()

    yield named
    host.cache_clear()


def test_containers_with_one_host_name_are_different_hosts(container: Any) -> None:
    host.cache_clear()
    ours = host()
    others = {container(_namespace="pid:[1]"), container(_read="another boot")}
    host.cache_clear()
    assert host() == ours
    assert len({ours, *others}) == 3
    assert {name.split()[0] for name in {ours, *others}} == {socket.gethostname()}


@pytest.mark.parametrize("change", [{"_namespace": "pid:[1]"}, {"_read": "another boot"}], ids=["container", "boot"])
@pytest.mark.parametrize("late", [False, True])
def test_a_pid_of_another_container_is_not_looked_at(
    rows: Rows, process: subprocess.Popen[bytes], container: Any, change: dict[str, str], late: bool
) -> None:
    """Given a row of a container with a pid that lives here too, then its lease alone decides, and nobody is killed."""
    where = container(**change)
    host.cache_clear()
    alive = rows.add(where, process.pid, process_started(process.pid), late=late)
    gone = rows.add(where, 2**22 + 1, "1", late=late)
    killed: list[str] = []
    assert not rows.look(kill_rest=killed.append)
    assert rows.dead == ([alive, gone] if late else [])
    assert killed == []
    assert lives(process)


def test_a_manager_here_lives_as_long_as_its_process(rows: Rows, process: subprocess.Popen[bytes]) -> None:
    rows.add(host(), process.pid, process_started(process.pid))
    assert not rows.look()
    assert rows.dead == []
    assert lives(process)


def test_a_manager_here_that_is_late_is_killed_and_dead_once_it_is_gone(
    rows: Rows, process: subprocess.Popen[bytes]
) -> None:
    uuid = rows.add(host(), process.pid, process_started(process.pid), late=True)
    assert not rows.look(kills_late=False)
    assert lives(process)
    assert rows.look()
    assert rows.dead == []
    assert process.wait(10) == -9
    assert not rows.look()
    assert rows.dead == [uuid]


@pytest.mark.parametrize("late", [False, True])
def test_a_life_of_this_process_that_is_over_is_dead_and_the_process_lives(
    rows: Rows, late: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given the row of another manager of this very process, whose lock is held still, then that one alone is dead."""
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.append(pid))
    lock = LockFile(tmp_path, uuid4())
    uuid = rows.add(host(), os.getpid(), process_started(os.getpid()), lock.path, late=late)
    assert not rows.look()
    assert (rows.dead, killed) == ([uuid], [])
    lock.release()


@pytest.mark.parametrize("late", [False, True])
def test_a_pid_that_was_given_to_another_process_is_that_of_a_dead_manager(
    rows: Rows, process: subprocess.Popen[bytes], late: bool
) -> None:
    """Given a pid that lives here and began at another time, then the manager is dead, and the process lives."""
    uuid = rows.add(host(), process.pid, "1", late=late)
    assert not rows.look()
    assert rows.dead == [uuid]
    assert lives(process)


def test_a_dead_manager_whose_processes_hold_its_lock_is_dying(
    rows: Rows, process: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    uuid = uuid4()
    lock = LockFile(tmp_path, uuid)
    rows.rows = [(uuid, host(), process.pid, "1", lock.path, False)]
    assert rows.look()
    assert rows.dead == []
    os.close(lock.fd)  # as when the last of them is gone
    assert not rows.look()
    assert (rows.dead, Path(lock.path).exists()) == ([uuid], False)


def test_a_dead_manager_that_left_processes_without_its_lock_is_dying(rows: Rows) -> None:
    uuid = rows.add(host(), 2**22 + 1, "1")
    found = [[4711], []]
    assert rows.look(kill_rest=lambda mark: found.pop(0) if mark == str(uuid) else [])
    assert rows.dead == []
    assert not rows.look(kill_rest=lambda mark: found.pop(0))
    assert rows.dead == [uuid]


def test_a_manager_elsewhere_is_dead_when_its_lease_is_over(rows: Rows) -> None:
    alive, late = (rows.add(ELSEWHERE, 1, "1", late=late) for late in (False, True))
    assert not rows.look()
    assert rows.dead == [late]
    assert alive not in rows.dead
