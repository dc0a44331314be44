"""Managers that purge beside their work, as PURGE_AFTER says."""

from __future__ import annotations

import re

import pytest

from django_tasks_poc import EntityWrapper, State, TaskBuilder
from django_tasks_poc.models import StageAttempt, Task, TaskStage
from django_tasks_poc.node import nodes
from django_tasks_poc.purging import PurgeCursor, PurgeWish

from ..managers import manager
from ..support import run_manager
from ..support_rows import add_stages
from .handlers import Answers, Fan, Join, Step
from .witness import notes

TOLD = r"Purged (\d+) tasks? with ([\d,]+) stages?\."

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("witness")]


def build(title: str, *stages: EntityWrapper, **options: object) -> Task:
    builder = TaskBuilder()
    return builder.build(builder.create(title, *stages, **options))


def titles() -> set[str]:
    return set(Task.objects.roots().values_list("title", flat=True))


def told(said: str) -> tuple[int, int]:
    """Return how many tasks and stages were told to be purged, in all."""
    found = [(int(trees), int(stages.replace(",", ""))) for trees, stages in re.findall(TOLD, said)]
    return sum(trees for trees, _ in found), sum(stages for _, stages in found)


def test_two_managers_purge_what_ended_and_run_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given PURGE_AFTER of a second, then tasks that end are gone soon after, and open ones are run and stay."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.process.purging_settings")
    large = build("large", EntityWrapper(Step))
    assert run_manager().returncode == 0
    add_stages(large, 3000, state=State.SUCCESS)
    build("nested", EntityWrapper(Fan, {"hows": ["success", "raise", "skip"]}), EntityWrapper(Join))
    build("failed", EntityWrapper(Answers, {"how": "raise"}))
    build("paused", EntityWrapper(Step)).pause()
    with manager() as one, manager() as other:
        for running in (one, other):
            running.wait_until_up()
        one.wait_until(lambda: titles() == {"paused"}, "all that ended is gone")
        late = build("late", EntityWrapper(Step, {"name": "late"}))
        one.wait_until(lambda: notes("late"), "a new task is run")
        other.wait_until(lambda: late not in Task.objects.all(), "and is purged after its end")
        one.wait_until(lambda: told(one.said + other.said) == (4, 3008), "they tell what they purged")
        assert [running.stop() for running in (one, other)] == [0, 0], one.said + other.said
        for running in (one, other):
            assert "Traceback" not in running.said
            assert "The database" not in running.said
    assert titles() == {"paused"}
    assert (TaskStage.objects.count(), StageAttempt.objects.count()) == (1, 0)


def test_a_manager_finishes_what_a_killed_purge_left_half() -> None:
    """Given no PURGE_AFTER and a tree that is half deleted, then a manager deletes the rest, and nothing else."""
    half = build("half", EntityWrapper(Step))
    build("whole", EntityWrapper(Step))
    assert run_manager().returncode == 0
    add_stages(half, 50, state=State.SUCCESS)
    cursor = PurgeCursor()
    for _ in range(4):
        done = nodes["default"].task_command.purge(10, cursor, PurgeWish(0))
        assert done.next is not None
        cursor = done.next
        if TaskStage.objects.filter(task=half).count() < 51:
            break
    assert Task.objects.get(uuid=half.uuid).purging
    with manager() as running:
        running.wait_until(lambda: titles() == {"whole"}, "the rest of the tree is gone")
        assert running.stop() == 0
