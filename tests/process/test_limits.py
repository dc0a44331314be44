"""What runs beside what, and what a user may do meanwhile, with managers in the background."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from django_tasks_poc import EntityWrapper, State

from ..building import build
from ..managers import manager, until
from ..storage.consistency import assert_consistent
from ..support import run_manager
from .handlers import Progresses, Step
from .scenarios import attempts, states
from .stubborn import Ticks
from .witness import most_at_once, notes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("witness")]


def step(name: str, seconds: float = 0.0) -> EntityWrapper:
    return EntityWrapper(Step, {"name": name, "seconds": seconds})


def test_stages_of_a_parallel_task_run_at_once_and_never_more_than_max_parallel() -> None:
    build("all", *[step("all", 0.4)] * 3, parallel=True, priority=1)
    build("two", *[step("two", 0.1)] * 6, parallel=True, max_parallel=2)
    assert run_manager("--queue-size", "6").returncode == 0
    assert most_at_once("all") == 3
    assert most_at_once("two") == 2
    assert len(notes("two")) == 6


def test_priority_is_strict_and_equals_take_turns() -> None:
    build("fan", *[step("fan") for _ in range(30)], parallel=True)
    build("behind it", step("behind it"))
    build("last", *[step("last") for _ in range(3)], priority=-1)
    build("first", *[step("first") for _ in range(5)], priority=1)
    assert run_manager("--queue-size", "1").returncode == 0
    order = [note["name"] for note in notes()]
    assert order[:5] == ["first"] * 5
    assert order[-3:] == ["last"] * 3
    # A fan-out does not starve the task behind it.
    assert order.index("behind it") < 15, order
    assert len(order) == 39


def test_progress_is_on_the_row_while_the_stage_runs(tmp_path: Path) -> None:
    with manager("--heartbeat", "60", "--keeper-interval", "60") as running:
        task = build("progress", EntityWrapper(Progresses, {"stop": str(tmp_path / "stop")}))
        told = running.wait_until(lambda: task.stages.get().progress, "its progress is on the row", 10)
        assert json.loads(told) == [3, 7, "counting"]
        (tmp_path / "stop").touch()
        running.wait_until(lambda: task.stages.get().state == State.SUCCESS, "it ends")
        assert running.stop() == 0


def test_a_user_pauses_and_resumes_and_a_restart_changes_nothing() -> None:
    with manager() as running:
        task = build("pause", *[step("pause", 0.3)] * 3)
        running.wait_until(lambda: task.stages.filter(state=State.RUNNING).exists(), "its first stage runs")
        task.pause("lunch", by="me")
        running.wait_until(lambda: states(task)[0] == State.SUCCESS, "what ran goes to its end")
        assert running.stop() == 0
    assert run_manager().returncode == 0
    task.refresh_from_db()
    assert (task.state, task.message, states(task)) == ("PAUSED", "lunch", ["SUCCESS", "READY", "READY"])
    task.resume()
    assert run_manager().returncode == 0
    assert states(task) == ["SUCCESS"] * 3
    assert most_at_once("pause") == 1


def test_a_cancel_ends_what_runs_at_once() -> None:
    with manager("--heartbeat", "60", "--keeper-interval", "60") as running:
        task = build("cancel", EntityWrapper(Ticks, {"name": "cancel"}), step("never"))
        running.wait_until(lambda: notes("cancel"), "its first stage runs")
        result = task.cancel("wrong file")
        assert (result.tasks, result.stages, result.processes) == (1, 1, 1)

        def ended() -> bool:
            task.refresh_from_db()
            return task.finished_at is not None

        running.wait_until(ended, "the task ends", 5)
        assert (task.state, task.message, states(task)) == ("CANCELED", "wrong file", ["CANCELED", "CANCELED"])
        assert attempts(task) == [(1, 1, "canceled")]
        assert running.stop() == 0
    assert_consistent()


def test_the_rows_of_a_manager_that_is_gone_say_so() -> None:
    from django_tasks_poc.models import ManagerProcess

    with manager() as running:
        running.wait_until_up()
        row = ManagerProcess.objects.get()
        assert (row.pid, row.stopped_at, row.executor) == (running.pid, None, "prefork")
        assert Path(row.lock_file).exists()
        assert running.stop() == 0
    row.refresh_from_db()
    assert row.stopped_at is not None
    until(lambda: not Path(row.lock_file).exists(), "its lock file is gone", 1)
