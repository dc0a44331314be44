"""Stages that have something to themselves: SQLite's writer lock, or the whole manager."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from django_tasks_poc import EntityWrapper, State, TaskHandlerBase
from django_tasks_poc.models import AttemptOutcome, StageAttempt

from ..building import build
from ..managers import manager
from ..storage.consistency import assert_consistent
from ..support import run_manager
from .handlers import Step
from .scenarios import states
from .witness import most_at_once, note, notes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("witness")]

on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="about the writer lock of SQLite")


class AtomicStep(TaskHandlerBase):
    """Writes a row, and notes when its process was there: it is made before its transaction begins."""

    atomic = True

    def __init__(self) -> None:
        self.began = time.monotonic()

    def handle(self, context: Any) -> Any:
        Group.objects.create(name=str(context.stage))
        time.sleep(0.02)
        note("atomic", began=self.began)
        return self.success()


class Link(TaskHandlerBase):
    """Notes that it ran."""

    def handle(self, context: Any) -> Any:
        note("link")
        return self.success()


class KillsItsServer(TaskHandlerBase):
    """Kills the fork server that it came from, and with it all that runs, on its first three starts."""

    def handle(self, context: Any) -> Any:
        if len(notes("kills")) < 3:
            note("kills")
            os.kill(os.getppid(), signal.SIGKILL)
            signal.pause()
        return Step("alone", 0.3).handle(context)


@on_sqlite
@pytest.mark.parametrize("arguments", [(), ("--max-stages-per-process", "100")], ids=["a process each", "reused"])
def test_atomic_stages_take_turns_and_others_run_beside_them(arguments: tuple[str, ...]) -> None:
    atomic = [EntityWrapper(AtomicStep)] * 12
    others = [EntityWrapper(Step, {"name": "other", "seconds": 0.1})] * 6
    build("both", *atomic, *others, parallel=True)
    assert run_manager("--queue-size", "4", *arguments).returncode == 0
    assert (most_at_once("atomic"), len(notes("atomic")), Group.objects.count()) == (1, 12, 12)
    assert most_at_once("other") > 1
    assert_consistent()


def test_a_stage_that_was_lost_three_times_runs_alone() -> None:
    """Given a stage that takes down what runs beside it, then others are stopped by it three times and no more."""
    kills = build("kills", EntityWrapper(KillsItsServer), priority=10)
    others = build("others", *[EntityWrapper(Step, {"name": "other", "seconds": 0.1})] * 40, parallel=True)
    assert run_manager("--queue-size", "4").returncode == 0
    stage = kills.stages.get()
    assert (stage.state, stage.lost, stage.start) == (State.SUCCESS, 3, 4)
    assert StageAttempt.objects.filter(stage=stage).count() == 3
    assert not StageAttempt.objects.exclude(outcome=AttemptOutcome.LOST).exists()
    (alone,) = notes("alone")
    assert not [line for line in notes("other") if line["at"] > alone["began"] and line["began"] < alone["at"]]
    others.refresh_from_db()
    assert (others.state, others.success_count) == (State.SUCCESS, 40)
    assert_consistent()


def test_a_chain_lets_a_task_of_higher_priority_go_first() -> None:
    """Given one place and a chain at work, when something more urgent is built, then it does not wait for the end."""
    chain = build("chain", *[EntityWrapper(Link)] * 150)
    with manager("--queue-size", "1", "--max-stages-per-process", "1000") as running:
        running.wait_until(lambda: len(notes("link")) > 3, "the chain goes on")
        urgent = build("urgent", EntityWrapper(Step, {"name": "urgent"}), priority=10)
        running.wait_until(lambda: notes("urgent"), "the urgent one ran")
        running.wait_until(lambda: set(states(chain)) == {"SUCCESS"}, "the chain ended")
    order = [note["name"] for note in notes()]
    assert 3 < order.index("urgent") < 120, order.index("urgent")
    assert states(urgent) == ["SUCCESS"]
