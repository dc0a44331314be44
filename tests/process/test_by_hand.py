"""handle_stage by hand: one stage, claimed, run and recorded like a manager's; or rehearsed."""

from __future__ import annotations

import io
import subprocess
from contextlib import nullcontext
from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from django_tasks_poc import EntityWrapper, State, TaskBuilder
from django_tasks_poc.models import ManagerProcess, StageAttempt, Task, TaskStage

from ..managers import manager
from ..storage.consistency import assert_consistent
from ..support import run_manage, run_manager
from .handlers import Answers, Check, Fan, Flaky, Keeps, Price, Step, Tell
from .scenarios import states
from .stubborn import Ticks
from .witness import notes
from .writing import Writes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("witness")]


def build(*stages: EntityWrapper, **options: object) -> Task:
    builder = TaskBuilder()
    return builder.build(builder.create("by hand", *stages, **options))


def by_hand(task: UUID, stage: UUID, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_manage("handle_stage", "--task", str(task), "--stage", str(stage), *arguments, timeout=30)


def stages(task: Task) -> list[TaskStage]:
    return list(task.stages.order_by("order"))


def test_it_claims_runs_and_records_and_ends_the_task() -> None:
    task = build(
        EntityWrapper(Price, {"number": 3}), EntityWrapper(Check), finally_=EntityWrapper(Tell, {"name": "told"})
    )
    first = by_hand(task.uuid, stages(task)[0].uuid)
    assert (first.returncode, first.stdout.splitlines()[0]) == (0, "success: price 3"), first.stderr
    assert '"total":"0.30"' in first.stdout
    assert by_hand(task.uuid, stages(task)[1].uuid, "--previous", str(stages(task)[0].uuid)).returncode == 0
    task.refresh_from_db()
    assert (task.state, task.message) == (State.SUCCESS, "0.30 until 28 February")
    assert by_hand(task.uuid, stages(task)[2].uuid).returncode == 0
    assert notes("told")[0]["state"] == "SUCCESS"
    assert not ManagerProcess.objects.filter(stopped_at=None).exists()
    assert_consistent()
    assert run_manager().returncode == 0
    assert len(notes("told")) == 1


def test_a_fan_out_and_an_atomic_stage_by_hand_are_taken_up_by_a_manager() -> None:
    task = build(EntityWrapper(Writes, {"row": "mine", "how": "success"}), EntityWrapper(Fan, {"hows": ["success"]}))
    for stage in stages(task):
        assert by_hand(task.uuid, stage.uuid).returncode == 0
    assert states(task) == ["SUCCESS", "WAITING"]
    assert Group.objects.get().name == "mine"
    assert run_manager().returncode == 0
    assert states(task) == ["SUCCESS", "SUCCESS"]


def test_a_failure_is_exit_1_with_its_traceback_and_retries_go_on() -> None:
    task = build(EntityWrapper(Flaky, {"how": "OSError"}))
    failed = by_hand(task.uuid, stages(task)[0].uuid)
    assert failed.returncode == 1
    assert failed.stdout.startswith("error: ConnectionError: no line")
    assert "Traceback" in failed.stderr
    assert (states(task), StageAttempt.objects.count()) == (["READY"], 1)
    assert run_manager().returncode == 0
    assert [note["attempt"] for note in notes("flaky OSError")] == [1, 2, 3]


def test_a_stage_that_may_not_start_is_refused_with_exit_2() -> None:
    task = build(EntityWrapper(Fan, {"hows": ["hang"]}), EntityWrapper(Step))
    done = build(EntityWrapper(Step), EntityWrapper(Ticks, {"name": "runs"}), unique=False)
    paused = build(EntityWrapper(Step), unique=False)
    paused.pause()
    with manager() as running:
        running.wait_until(lambda: states(task)[0] == "WAITING" and notes("runs"), "one waits and one runs")
        for row, number, words in (
            (task, 0, "is WAITING; only a READY one can be started."),
            (task, 1, ""),
            (done, 0, "is SUCCESS; only a READY one can be started."),
            (done, 1, "is RUNNING; only a READY one can be started."),
            (paused, 0, "is PAUSED and lets no further stage begin now."),
        ):
            before = states(row)
            refused = by_hand(row.uuid, stages(row)[number].uuid)
            assert refused.returncode == 2, refused.stdout
            assert words in refused.stderr
            assert "Traceback" not in refused.stderr
            assert states(row) == before
    assert len(notes("step")) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Give --task and --stage"),
        (["--task", "7", "--stage", "8"], "'7' is no uuid"),
        (["--task", str(uuid4()), "--stage", str(uuid4())], "No stage"),
        (["--task", str(uuid4()), "--stage", str(uuid4()), "--node", "nowhere"], "Node 'nowhere' is not in"),
    ],
)
def test_what_it_cannot_find_is_refused(arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words) as refused:
        call_command("handle_stage", *arguments)
    assert words == "'7' is no uuid" or refused.value.returncode == 2


def test_a_stage_of_another_task_is_refused() -> None:
    task, other = build(EntityWrapper(Step)), build(EntityWrapper(Step), unique=False)
    refused = by_hand(task.uuid, stages(other)[0].uuid)
    assert (refused.returncode, states(other)) == (2, ["READY"])
    assert "is not of task" in refused.stderr


@pytest.mark.parametrize(
    ("stage", "code", "words"),
    [
        (EntityWrapper(Price, {"number": 2}), 0, "success: price 2"),
        (EntityWrapper(Answers, {"how": "raise"}), 1, "error: ValueError: row 13 is bad"),
        (EntityWrapper(Writes, {"row": "rehearsed", "how": "success"}), 0, "success: fine"),
        (EntityWrapper(Keeps), 1, "error: OSError: first"),
        (EntityWrapper(Fan, {"hows": ["success"]}), 0, "wait: no message"),
    ],
)
def test_a_dry_run_records_nothing(stage: EntityWrapper, code: int, words: str) -> None:
    task = build(stage)
    before = (list(Task.objects.values()), list(TaskStage.objects.values()))
    output, errors = io.StringIO(), io.StringIO()
    arguments = ("--task", str(task.uuid), "--stage", str(stages(task)[0].uuid), "--dry-run")
    with pytest.raises(SystemExit) if code else nullcontext() as ended:
        call_command("handle_stage", *arguments, stdout=output, stderr=errors)
    assert output.getvalue().splitlines()[0] == words, errors.getvalue()
    assert not code or ended.value.code == code
    assert (list(Task.objects.values()), list(TaskStage.objects.values())) == before
    assert not Group.objects.exists()
    assert not StageAttempt.objects.exists()
    assert not ManagerProcess.objects.exists()
