"""Managers of one node on several hosts, some of which sleep, are cut off, or have a wrong clock.

The hosts are processes of this machine that go by different names, and so do not look at one another's pids.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from django_tasks_poc import EntityWrapper, State, TaskBuilder
from django_tasks_poc.models import AttemptOutcome, ManagerProcess, Task

from ..managers import Manager, kill, lives, manager, until
from ..storage.consistency import assert_consistent
from ..support import database_url
from ..support_proxy import Proxy, proxy
from . import host_settings
from .handlers import Step
from .host_settings import LEASE
from .scenarios import attempts, states
from .stubborn import AtomicTicks, Orphans, Ticks
from .witness import notes, overlap

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("witness"),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="all managers of a SQLite file are on one host"),
]

LATE = "came too late: it was started anew elsewhere."
ANEW = "This manager was declared dead and begins anew"


@pytest.fixture
def stop(tmp_path: Path) -> Path:
    """A file that, once it is there, ends the stages that were told of it."""
    return tmp_path / "stop"


def build(title: str, handler: type[Ticks] = Ticks, **params: Any) -> Task:
    builder = TaskBuilder()
    return builder.build(builder.create(title, EntityWrapper(handler, {"name": title, **params})))


@contextmanager
def on_host(name: str, **environment: str) -> Iterator[Manager]:
    """Run a manager on a host of this name."""
    variables = {"DJANGO_SETTINGS_MODULE": host_settings.__name__, host_settings.HOST: name, **environment}
    with manager("--heartbeat", "60", "--keeper-interval", "60", **variables) as running:
        running.wait_until_up()
        yield running


def starts(title: str) -> list[list[dict[str, Any]]]:
    """Return what each start of the task's stage has noted, in order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in notes(title):
        found.setdefault(line["start"], []).append(line)
    return list(found.values())


def pid_of(title: str, number: int = 0) -> int:
    pid: int = starts(title)[number][0]["pid"]
    return pid


def wait_for_start(running: Manager, number: int, *titles: str) -> None:
    for title in titles:
        running.wait_until(lambda title=title: len(starts(title)) >= number, f"{title} starts, number {number}")


@contextmanager
def asleep(running: Manager) -> Iterator[None]:
    """Stop the manager and all that it started, as the sleep of a laptop stops all that runs on it."""
    pids = [*running.descendants(), running.pid]
    try:
        for pid in pids:
            kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            kill(pid, signal.SIGCONT)


def works(running: Manager, title: str) -> None:
    """Hold a manager, the only one left, to do what is built now."""
    task = TaskBuilder().build(TaskBuilder().create(title, EntityWrapper(Step)))
    running.wait_until(lambda: states(task) == [State.SUCCESS], f"{title} ends")


@pytest.mark.parametrize("nap", ["anywhere", "in a transaction"])
def test_a_laptop_that_slept_finds_its_stages_taken_and_works_on(nap: str, stop: Path) -> None:
    """Given a manager asleep for longer than the lease, then another takes its stages, and what it says is refused."""
    end = stop.with_name("end")
    tasks = [
        build("ends", stop=str(stop)),
        build("writes", AtomicTicks, stop=str(stop)),
        build("stays", stop=str(end)),
    ]
    titles = [task.title for task in tasks]
    sleep = stop.with_name("sleep")
    with on_host("laptop", **{host_settings.NAP: str(sleep)}) as laptop:
        wait_for_start(laptop, 1, *titles)
        with on_host("desk") as desk:
            if nap == "in a transaction":
                sleep.touch()
                laptop.wait_until(lambda: not sleep.exists(), "it falls asleep")
            with asleep(laptop):
                wait_for_start(desk, 2, *titles)
                stop.touch()
                desk.wait_until(lambda: Task.objects.filter(state=State.SUCCESS).count() == 2, "two of them end")
            laptop.wait_until(lambda: laptop.said.count(LATE) >= 2, "it is told that it is late")
            laptop.wait_until(lambda: laptop.said.count("works on node") == 2, "it begins anew")
            assert laptop.said.count(ANEW) == 1
            assert not any(lives(pid_of(title)) for title in titles)
            assert lives(pid_of("stays", 1))
            assert ANEW not in desk.said
            assert [states(task) for task in tasks] == [["SUCCESS"], ["SUCCESS"], ["RUNNING"]]
            end.touch()
            assert desk.stop() == 0
        works(laptop, "afterwards")
        assert laptop.stop() == 0
        assert "Traceback" not in laptop.said
    assert [states(task) for task in tasks] == [["SUCCESS"]] * 3
    assert [attempts(task) for task in tasks] == [[(1, 1, AttemptOutcome.LOST)]] * 3
    assert Group.objects.count() == 1  # The late one's row went with its outcome.
    assert_consistent()


@contextmanager
def behind(way: Proxy) -> Iterator[Manager]:
    """Run a manager whose way to the database can be cut."""
    url = database_url().replace(*_port(way))
    with on_host("island", DATABASE_URL=url) as running:
        yield running


def _port(way: Proxy) -> tuple[str, str]:
    values = connection.settings_dict
    ours = f"{values['HOST']}:{values['PORT']}"
    return f"@{ours}/", f"@127.0.0.1:{way.port}/"


@pytest.mark.parametrize("how", ["refuse", "fall_silent", "hang"])
def test_a_manager_that_is_cut_off_stops_before_another_starts(how: str) -> None:
    """Given a manager whose connections end or hang, then it stops its processes within the lease, and begins anew."""
    task = build("ticks", Orphans)
    with proxy() as way, behind(way) as island:
        wait_for_start(island, 1, "ticks")
        with on_host("desk") as desk:
            getattr(way, how)()
            cut = time.monotonic()
            wait_for_start(desk, 2, "ticks")
            assert overlap(notes("ticks")) == []
            last = max(line["at"] for line in starts("ticks")[0])
            assert last - cut < LEASE
            assert not lives(pid_of("ticks"))
            way.mend()
            island.wait_until(lambda: island.said.count("works on node") == 2, "it begins anew")
            assert island.said.count(f"{ANEW}: No beat succeeded for two thirds of the lease.") == 1
            task.cancel()
            desk.wait_until(lambda: Task.objects.filter(finished_at=None).count() == 0, "it is stopped")
            assert desk.stop() == 0
        works(island, "afterwards")
        assert island.stop() == 0
    assert attempts(task)[0] == (1, 1, AttemptOutcome.LOST)
    assert_consistent()


def test_clocks_that_are_wrong_and_step_change_nothing(tmp_path: Path, stop: Path) -> None:
    """Given two hosts whose clocks differ by two hours and step by one, then leases and due times hold."""
    clocks = [tmp_path / "fast", tmp_path / "slow"]
    for clock, ahead in zip(clocks, ("3600", "-3600"), strict=True):
        clock.write_text(ahead)
    task = build("ticks", stop=str(stop))
    fast_clock, slow_clock = ({host_settings.CLOCK: str(clock)} for clock in clocks)
    with on_host("fast", **fast_clock) as fast, on_host("slow", **slow_clock) as slow:
        wait_for_start(fast, 1, "ticks")
        later = TaskBuilder().build(TaskBuilder().create("later", EntityWrapper(Step), delay=LEASE))
        for clock, ahead in zip(clocks, ("7200", "0"), strict=True):
            clock.write_text(ahead)
        began = time.monotonic()
        fast.wait_until(lambda: states(later) == [State.SUCCESS], "the delayed one ends")
        assert time.monotonic() - began > LEASE * 0.9
        until(lambda: time.monotonic() - began > LEASE * 2, "two leases pass")
        for clock, ahead in zip(clocks, ("-3600", "3600"), strict=True):
            clock.write_text(ahead)
        until(lambda: time.monotonic() - began > LEASE * 4, "two more leases pass")
        stop.touch()
        fast.wait_until(lambda: states(task) == [State.SUCCESS], "it ends")
        assert fast.stop() == slow.stop() == 0
        assert ANEW not in fast.said + slow.said
    assert len(starts("ticks")) == 1
    assert attempts(task) == attempts(later) == []
    # Moments are the database's.
    later.refresh_from_db()
    assert (later.finished_at - later.created_at).total_seconds() < 30
    assert {row.stopped_at is not None for row in ManagerProcess.objects.all()} == {True}
    assert_consistent()
