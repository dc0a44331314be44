"""Kills at any place, and stops: everything ends once, nothing runs beside its second start, nothing is left over."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group

from django_tasks_poc import EntityWrapper, State
from django_tasks_poc.models import AttemptOutcome, ManagerProcess, StageAttempt, Task, TaskStage

from ..building import build
from ..managers import Manager, children_of, kill, lives, manager, until
from ..storage.consistency import assert_consistent
from ..support import run_manager
from .handlers import Step, Tell
from .scenarios import attempts, states
from .stubborn import Orphans, Retried, Stubborn, Ticks, Waits
from .witness import notes, overlap
from .writing import CommitsAndDies

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("witness")]

EXECUTORS = pytest.mark.parametrize("executor", ["prefork", "subprocess"])


def ticking(name: str, handler: type[Ticks] = Ticks, **params: Any) -> EntityWrapper:
    return EntityWrapper(handler, {"name": name, **params})


@contextmanager
def working(tasks: int, *arguments: str) -> Iterator[Manager]:
    """Run a manager; go on when so many stages tick."""
    with manager(*arguments) as running:
        running.wait_until(lambda: len(pids(notes())) >= tasks, f"{tasks} stages tick")
        yield running


def pids(lines: list[dict[str, Any]]) -> set[int]:
    return {line["pid"] for line in lines}


@pytest.fixture
def stop(tmp_path: Path) -> Path:
    """A file that, once it is there, ends the stages that were told of it."""
    return tmp_path / "stop"


def assert_starts_do_not_overlap() -> None:
    lines = [line for line in notes() if "start" in line]
    for stage in {line["start"].split()[0] for line in lines}:
        starts = [line for line in lines if line["start"].startswith(stage)]
        assert overlap(starts) == [], f"stage {stage} ran beside itself"


def assert_all_is_gone(seconds: float = 0.0) -> None:
    for pid in pids(notes()):
        until(lambda pid=pid: not lives(pid), f"process {pid} is gone", seconds)


@pytest.mark.parametrize(
    ("executor", "victim"), [("prefork", "manager"), ("subprocess", "manager"), ("prefork", "fork server")]
)
def test_a_tree_survives_the_kill_of_what_runs_it(executor: str, victim: str, stop: Path) -> None:
    finally_ = EntityWrapper(Tell, {"name": "told"})
    wait = EntityWrapper(Waits, {"name": "tick", "count": 3, "stop": str(stop)})
    task = build("tree", wait, EntityWrapper(Step), finally_=finally_)
    orphan = build("orphan", ticking("orphan", Orphans, stop=str(stop), flees=True))
    arguments = ("--executor", executor, "--queue-size", "5", "--drain")
    with working(5, *arguments) as running:
        if victim == "manager":
            running.signal(signal.SIGKILL)
            running.ended()
            assert TaskStage.objects.filter(state=State.RUNNING).count() == 4
            with manager(*arguments) as again:
                again.wait_until(lambda: len(pids(notes())) == 10, "all of them start again")
                stop.touch()
                assert again.ended() == 0, again.said
        else:
            kill(running.fork_server())
            running.wait_until(lambda: len(pids(notes())) == 10, "all of them start again")
            stop.touch()
            assert running.ended() == 0, running.said
    for root in (task, orphan):
        root.refresh_from_db()
        assert root.state == State.SUCCESS
    assert len(notes("told")) == 1
    assert_starts_do_not_overlap()
    assert_all_is_gone()
    assert_consistent()
    # The starts that were lost are told, and spent no attempt.
    lost = StageAttempt.objects.filter(outcome=AttemptOutcome.LOST)
    assert lost.count() >= 4
    assert set(TaskStage.objects.values_list("attempt", flat=True)) == {1}
    assert not ManagerProcess.objects.filter(stopped_at=None).exists()


def test_a_restart_sees_the_dead_at_once(stop: Path) -> None:
    task = build("dead", ticking("dead", stop=str(stop)))
    with working(1) as running:
        running.signal(signal.SIGKILL)
        running.ended()
    with manager("--heartbeat", "60", "--keeper-interval", "60") as running:
        running.wait_until_up()
        running.wait_until(lambda: len(pids(notes("dead"))) == 2, "the stage starts again", 5)
        stop.touch()
        running.wait_until(lambda: states(task) == [State.SUCCESS], "it ends", 5)
        assert running.stop() == 0
    assert attempts(task) == [(1, 1, AttemptOutcome.LOST)]


def test_what_a_dead_manager_held_and_had_not_started_does_not_count_as_lost(stop: Path) -> None:
    """Given one place, and claims made ahead for it, then only the stage that began may be what its manager died of."""
    quick = [EntityWrapper(Step, {"name": "quick"})] * 60
    task = build("held", *quick, ticking("long", stop=str(stop)), *[EntityWrapper(Step)] * 60, parallel=True)
    with manager("--queue-size", "1") as running:
        running.wait_until(lambda: notes("long"), "the long one begins")
        running.wait_until(lambda: task.stages.filter(state=State.RUNNING).count() > 1, "others are held")
        running.signal(signal.SIGKILL)
        running.ended()
    stop.touch()
    assert run_manager("--queue-size", "1").returncode == 0
    assert set(states(task)) == {State.SUCCESS}
    assert list(task.stages.filter(lost__gt=0).values_list("order", "lost")) == [(60, 1)]
    assert set(StageAttempt.objects.values_list("outcome", flat=True)) == {AttemptOutcome.LOST}
    assert set(task.stages.values_list("attempt", flat=True)) == {1}
    assert_consistent()


def test_a_manager_takes_over_from_one_that_dies_beside_it(stop: Path) -> None:
    task = build("over", ticking("over", stop=str(stop)))
    with working(1) as first, manager("--heartbeat", "60") as second:
        second.wait_until_up()
        first.signal(signal.SIGKILL)
        first.ended()
        second.wait_until(lambda: len(pids(notes("over"))) == 2, "the other one starts the stage", 10)
        stop.touch()
        second.wait_until(lambda: states(task) == [State.SUCCESS], "it ends")
        assert second.stop() == 0
    assert_starts_do_not_overlap()


@EXECUTORS
def test_the_kill_of_a_stage_is_a_crash_of_that_stage(executor: str, stop: Path) -> None:
    crashed = build("crashed", ticking("crashed"))
    retried = build("retried", ticking("retried", Retried, stop=str(stop)))
    other = build("other", ticking("other", stop=str(stop)))
    with working(3, "--executor", executor) as running:
        for name in ("crashed", "retried"):
            kill(notes(name)[0]["pid"])
        running.wait_until(lambda: len(pids(notes("retried"))) == 2, "one starts again")
        stop.touch()
        running.wait_until(lambda: not Task.objects.filter(finished_at=None).exists(), "all tasks end")
        assert running.stop() == 0
    assert (states(crashed), states(retried), states(other)) == ([State.ERROR], [State.SUCCESS], [State.SUCCESS])
    for task in (crashed, retried):
        (attempt,) = StageAttempt.objects.filter(stage__task=task)
        assert (attempt.outcome, attempt.signal, attempt.exit_code) == (AttemptOutcome.CRASHED, signal.SIGKILL, None)
        assert attempt.pid == notes(task.title)[0]["pid"]
    crashed.refresh_from_db()
    assert crashed.message == "Its process died of signal 9 (SIGKILL). The system may have run out of memory."
    assert_starts_do_not_overlap()


@EXECUTORS
def test_a_timeout_kills_the_whole_group(executor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.process.quick_settings")
    tasks = [build(name, ticking(name, Stubborn, flees=name == "flees")) for name in ("stays", "flees")]
    with manager("--executor", executor, "--heartbeat", "60", "--keeper-interval", "60") as running:
        running.wait_until(lambda: not Task.objects.filter(finished_at=None).exists(), "the tasks end", 25)
        for task in tasks:
            task.refresh_from_db()
            assert (task.state, task.message) == (State.ERROR, "TimeoutError: it ran longer than 1 s.")
            (attempt,) = StageAttempt.objects.filter(stage__task=task)
            assert (attempt.outcome, attempt.signal) == (AttemptOutcome.TIMED_OUT, signal.SIGKILL)
            assert (attempt.exit_code, attempt.stderr) == (None, "I stay\n")
            lines = notes(task.title)
            assert {line["role"] for line in lines} == {"stage", "grandchild"}
            # SIGTERM after 1 s was ignored, SIGKILL came KILL_AFTER later.
            assert 1.5 < max(line["at"] for line in lines) - lines[0]["at"] < 15
        assert_all_is_gone()
        assert running.stop() == 0


@EXECUTORS
def test_a_graceful_stop_lets_stages_end_and_returns_the_others(executor: str, stop: Path) -> None:
    ends, stays = build("ends", ticking("ends", stop=str(stop))), build("stays", ticking("stays"))
    held = build("held", *[ticking("held")] * 5, parallel=True, priority=-1)
    with working(2, "--executor", executor, "--queue-size", "2", "--grace", "1") as running:
        running.signal(signal.SIGTERM)
        stop.touch()
        assert running.ended(15) == 0
        assert "stopped" in running.said
    assert states(ends) == [State.SUCCESS]
    assert states(stays) == [State.READY]
    assert states(held) == [State.READY] * 5
    assert attempts(stays) == [(1, 1, AttemptOutcome.INTERRUPTED)]
    stage = stays.stages.get()
    assert (stage.attempt, stage.start, stage.lost) == (0, 1, 0)
    assert attempts(held) == []
    assert_all_is_gone()
    assert_consistent()


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGHUP])
def test_a_second_signal_kills_at_once(first: int) -> None:
    task = build("stubborn", ticking("stubborn", Orphans))
    with working(2, "--grace", "60") as running:
        running.signal(first)
        time.sleep(0.2)  # it is to let the stage run
        assert running.process.poll() is None
        assert lives(notes("stubborn")[0]["pid"])
        running.signal(signal.SIGTERM)
        assert running.ended(5) == 0
    assert states(task) == [State.READY]
    assert attempts(task) == [(1, 1, AttemptOutcome.INTERRUPTED)]
    assert_all_is_gone()


def test_no_process_outlives_a_manager_that_is_killed() -> None:
    build("orphans", *[ticking("orphans", Orphans, flees=True)] * 2, parallel=True)
    with working(4) as running:
        (server,) = children_of(running.pid)
        running.signal(signal.SIGKILL)
        running.ended()
        until(lambda: not lives(server), "the fork server is gone", 5)
        assert_all_is_gone(5)


def test_an_atomic_stage_that_dies_after_its_commit_is_done_once() -> None:
    commits = EntityWrapper(CommitsAndDies, {"row": "once"})
    tasks = [
        build("steps", commits, EntityWrapper(Step)),
        build("last", EntityWrapper(CommitsAndDies, {"row": "last"})),
    ]
    run = run_manager("--heartbeat", "60", "--keeper-interval", "60", timeout=30)
    assert run.returncode == 0, run.stderr
    assert [states(task) for task in tasks] == [["SUCCESS", "SUCCESS"], ["SUCCESS"]]
    assert [note["name"] for note in notes()] == ["step"]
    assert sorted(Group.objects.values_list("name", flat=True)) == ["last", "once"]
    assert not StageAttempt.objects.exists()
    assert_consistent()
