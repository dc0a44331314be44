"""A database that goes away and comes back: nothing is lost, nothing is done twice, nobody waits for a restart."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from django_tasks_poc import EntityWrapper
from django_tasks_poc.models import StageAttempt

from ..building import build
from ..managers import manager
from ..storage.consistency import assert_consistent
from ..support import run_manager
from .handlers import Answers, Fan, Join, Step, Tell
from .lossy_settings import VARIABLE
from .scenarios import states
from .witness import notes
from .writing import LocksTwo, WritesAgain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("witness")]


@pytest.mark.parametrize("first", [1, 2, 3])
def test_a_commit_whose_answer_is_lost_is_neither_lost_nor_done_twice(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.process.lossy_settings")
    # Every third one: of the manager's own row, of claims, of records, of ends.
    monkeypatch.setenv(VARIABLE, " ".join(map(str, range(first, 60, 3))))
    finally_ = EntityWrapper(Tell, {"name": "told"})
    fan = EntityWrapper(Fan, {"hows": ["success", "raise", "skip"]})
    joins = build("joins", fan, EntityWrapper(Join), EntityWrapper(Step), finally_=finally_)
    steps = build("steps", *[EntityWrapper(Step, {"name": f"step {number}"}) for number in range(10)], parallel=True)
    chain = build("chain", *[EntityWrapper(Step, {"name": f"link {number}"}) for number in range(6)])
    fails = build("fails", EntityWrapper(Answers, {"how": "raise"}), finally_=finally_)
    run = run_manager("--queue-size", "2", "--heartbeat", "60", "--keeper-interval", "60", timeout=40)
    assert run.returncode == 1, run.stderr  # for the root that failed
    assert (states(joins), states(steps), states(fails)) == (["SUCCESS"] * 3, ["SUCCESS"] * 10, ["ERROR"])
    assert states(chain) == ["SUCCESS"] * 6
    # What was claimed and never heard of had not begun.
    assert set(Counter(note["name"] for note in notes() if note["name"] != "told").values()) == {1}
    assert len(notes("told")) == 2
    assert StageAttempt.objects.count() == 2
    assert_consistent()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="asks PostgreSQL to end connections")
def test_connections_that_break_lose_nothing() -> None:
    steps = build("steps", *[EntityWrapper(Step)] * 200, parallel=True)
    writes = [EntityWrapper(WritesAgain, {"row": f"row {number}"}) for number in range(40)]
    atomic = build("atomic", *writes, parallel=True)
    with manager("--drain", "--queue-size", "8") as running, connection.cursor() as cursor:
        running.wait_until(lambda: notes("step"), "it works")
        while running.process.poll() is None:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            time.sleep(0.2)
        assert running.ended() == 0, running.said
    assert states(steps) == ["SUCCESS"] * 200
    assert states(atomic) == ["SUCCESS"] * 40, set(atomic.stages.values_list("message", flat=True))
    assert len(notes("step")) == 200
    assert Group.objects.count() == 40
    assert_consistent()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite locks no rows, so two writers cannot deadlock")
def test_a_deadlock_of_two_atomic_stages_interrupts_one_of_them_and_spends_nothing() -> None:
    for name in ("left", "right"):
        Group.objects.create(name=name)
    pairs = [EntityWrapper(LocksTwo, {"first": first, "second": second})
             for first, second in (("left", "right"), ("right", "left"))]  # fmt: skip
    task = build("deadlock", *pairs, parallel=True)
    assert run_manager("--queue-size", "2").returncode == 0
    assert states(task) == ["SUCCESS"] * 2
    assert set(task.stages.values_list("attempt", flat=True)) == {1}
    assert sum(task.stages.values_list("start", flat=True)) > 2, "they did not meet"
    assert_consistent()
