"""What a manager does is done when it is due: with its looks 60 s apart nothing takes longer than with them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from django_tasks_poc import EntityWrapper, RetryPolicy, State
from django_tasks_poc.models import Kind, ManagerProcess, Task, TaskStage

from ..building import build
from ..managers import Manager, manager
from ..storage.consistency import assert_consistent
from .handlers import Answers, DelaysTwice, Fan, Flaky, Hang, Keeps, Step, Tell, Tree
from .scenarios import states
from .stubborn import Ticks
from .witness import notes
from .writing import Writes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("witness")]

RARELY = ("--heartbeat", "60", "--keeper-interval", "60")
EXECUTORS = pytest.mark.parametrize("executor", ["prefork", "subprocess"])


@contextmanager
def idle(*arguments: str) -> Iterator[Manager]:
    """Run a manager that has come to rest before anything is built."""
    with manager(*RARELY, *arguments) as running:
        running.wait_until_up()
        warm = build("warm", EntityWrapper(Step))
        running.wait_until(lambda: has_ended(warm), "the first task ends")
        time.sleep(0.3)
        yield running
        assert running.stop() == 0
    assert_consistent()


def has_ended(*tasks: Task) -> bool:
    return not Task.objects.visible().filter(root__in=tasks, active=True).exists()


def seconds_until_the_end(running: Manager, *tasks: Task) -> float:
    began = time.monotonic()
    running.wait_until(lambda: has_ended(*tasks), "all tasks end")
    return time.monotonic() - began


def test_a_tree_of_depth_4_ends_in_seconds() -> None:
    with idle() as running:
        tree = build("tree", EntityWrapper(Tree, {"depth": 4, "width": 2}), EntityWrapper(Step))
        assert seconds_until_the_end(running, tree) < 20
    assert TaskStage.objects.filter(task__root=tree, kind=Kind.STAGE, state=State.SUCCESS).count() == 2**4 + 14 + 2
    assert len(notes("tree")) == 1 + 2 + 4 + 8


@EXECUTORS
def test_what_is_due_begins_when_it_is_due(executor: str) -> None:
    with idle("--executor", executor, "--queue-size", "8") as running:
        tasks = {
            "sequence": build("sequence", *[EntityWrapper(Step)] * 4),
            "retries": build("retries", EntityWrapper(Flaky, {"how": "OSError"})),
            "crashes": build("crashes", EntityWrapper(Flaky, {"how": "crash"})),
            "delays": build("delays", EntityWrapper(DelaysTwice)),
            "cursor": build("cursor", EntityWrapper(Keeps)),
            "later": build("later", EntityWrapper(Step), delay=0.5),
            "timeout": build("timeout", EntityWrapper(Hang), finally_=EntityWrapper(Tell, {"name": "told"})),
        }
        assert seconds_until_the_end(running, *tasks.values()) < 30
    ended = {name: states(task) for name, task in tasks.items()}
    assert ended.pop("timeout") == ["ERROR"]
    assert ended.pop("sequence") == ["SUCCESS"] * 4
    assert set(map(tuple, ended.values())) == {("SUCCESS",)}
    assert len(notes("told")) == 1


def test_an_idle_manager_hears_of_each_task_that_is_built() -> None:
    with idle() as running:
        for number in range(5):
            task = build(f"task {number}", EntityWrapper(Step))
            running.wait_until(lambda task=task: has_ended(task), "it ends", 8)
            task.refresh_from_db()
            assert (task.finished_at - task.created_at).total_seconds() < 4
            time.sleep(0.1)  # it comes to rest


def test_an_idle_manager_hears_of_verbs() -> None:
    with idle() as running:
        task = build("paused", EntityWrapper(Step), delay=0.3)
        task.pause()
        time.sleep(0.5)
        assert states(task) == ["READY"]
        task.resume()
        assert seconds_until_the_end(running, task) < 8


def test_work_in_pieces_begins_at_once() -> None:
    with idle("--queue-size", "2") as running:
        stop = build("stop", *answers("raise", *["success"] * 2_500))
        assert seconds_until_the_end(running, stop) < 8
        cancel = build("cancel", EntityWrapper(Ticks, {"name": "ticks"}), *answers(*["success"] * 2_500))
        running.wait_until(lambda: notes("ticks"), "its first stage runs")
        cancel.cancel()
        assert seconds_until_the_end(running, cancel) < 8
        unbegun = build("never", *answers(*["success"] * 2_501), delay=60)
        unbegun.cancel()
        assert seconds_until_the_end(running, unbegun) < 8
    assert [Task.objects.get(uuid=task.uuid).canceled_count for task in (stop, cancel, unbegun)] == [
        2_500,
        2_501,
        2_501,
    ]


def answers(*hows: str) -> list[EntityWrapper]:
    return [EntityWrapper(Answers, {"how": how}) for how in hows]


def test_the_ends_of_atomic_stages_are_heard_of() -> None:
    with idle() as running:
        writes = [EntityWrapper(Writes, {"row": f"row {number}", "how": "success"}) for number in range(4)]
        tasks = [
            build("in order", *writes[:2], finally_=EntityWrapper(Tell, {"name": "told"})),
            build("at once", *writes[2:], parallel=True, finally_=EntityWrapper(Tell, {"name": "told"})),
            build("forgets", EntityWrapper(Fan, {"hows": ["forget"]})),
            build("retried", *answers("raise"), retry=RetryPolicy(max_attempts=3, delay=0.1)),
        ]
        assert seconds_until_the_end(running, *tasks) < 15
        running.wait_until(lambda: not Task.objects.filter(title="forgotten").exists(), "no forgotten task is left", 15)
    assert len(notes("told")) == 2


def test_a_slow_start_does_not_use_up_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a fork server that takes half of the lease to start, then the manager does not give itself up."""
    if connection.vendor == "sqlite":
        pytest.skip("needs a lease that is watched: a manager on SQLite does not")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.process.slow_start_settings")
    with manager() as running:
        running.wait_until_up()
        up = ManagerProcess.objects.get().beat_at
        running.wait_until(lambda: ManagerProcess.objects.get().beat_at > up, "it beats on")
        assert running.stop() == 0
        assert "anew" not in running.said
