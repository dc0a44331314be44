"""Rows changed by hand: what cannot be read ends its own stage, or waits to be put right; all else goes on."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from django_tasks_poc import EntityWrapper, State, TaskViewer
from django_tasks_poc.exceptions import UnreadableRow
from django_tasks_poc.models import AttemptOutcome, StageAttempt, Task, TaskStage

from ..handlers import Noop
from ..support import run_manage, run_manager
from ..support_storage import Store
from . import rows
from .rows import BOGUS

pytestmark = pytest.mark.django_db

REPAIR = "It was changed in the database: put it right there and retry what failed, or build the task anew."
CHANGED = "It was right when the task was built: put it back and retry what failed, or build the task anew."
TAKING = "It takes number, day, free. " + CHANGED
PARAMS, OPTIONS = "InvalidParams: Params of Taking: ", "The options of the task cannot be read: "
MALFORMED = "JSON is malformed: invalid character (byte 4)."
WAITS = ["waiting stage", "waiting task"]


@dataclass
class Run:
    tasks: dict[str, Task]
    half_done: rows.HalfDone
    manager: subprocess.CompletedProcess[str]
    by_hand: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def run(shared_database: None) -> Run:
    """All tasks, after a manager worked on them until nothing was left that could run."""
    half_done = rows.HalfDone()
    half_done.damage()
    tasks = rows.damaged() | half_done.tasks
    ended = run_manager("--queue-size", "4")
    for task in tasks.values():
        task.refresh_from_db()
    stage = TaskStage.objects.get(task=tasks["whole"])
    by_hand = run_manage("handle_stage", "--task", str(stage.task_id), "--stage", str(stage.uuid), timeout=30)
    return Run(tasks, half_done, ended, by_hand)


def states(task: Task) -> list[str]:
    return list(TaskStage.objects.filter(task=task).order_by("order").values_list("state", flat=True))


def test_the_manager_goes_on_to_the_end(run: Run) -> None:
    assert run.manager.returncode == 1, run.manager.stderr
    assert "Traceback" not in run.manager.stderr
    good = run.tasks["good"]
    assert (good.state, states(good)) == (State.SUCCESS, ["SUCCESS"] * 6)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("params cut", f"{PARAMS}Input data was truncated. {TAKING}"),
        ("params no object", f"{PARAMS}Expected `object`, got `array`. {TAKING}"),
        ("params huge", f"{PARAMS}Input data was truncated. {TAKING}"),
        ("params empty", f"{PARAMS}Input data was truncated. {TAKING}"),
        ("handler hostile", f"InvalidHandler: os.system is not a subclass of EntityHandler. {CHANGED}"),
        (
            "handler empty",
            f"InvalidHandler: '' is no dotted path of a class, like shop.jobs.Report. {CHANGED}",
        ),
        (
            "handler long",
            f"InvalidHandler: '{'x' * 99}… is no dotted path of a class, like shop.jobs.Report. {CHANGED}",
        ),
        ("options cut", f"{OPTIONS}Input data was truncated. {REPAIR}"),
        ("options no object", f"{OPTIONS}Expected `object`, got `array`. {REPAIR}"),
        ("options wrong", f"{OPTIONS}Expected `float | null`, got `str` - at `$.timeout`. {REPAIR}"),
        ("options huge", f"{OPTIONS}Number out of range - at `$.timeout`. {REPAIR}"),
        ("options empty", f"{OPTIONS}Input data was truncated. {REPAIR}"),
        (
            "shared cut",
            f"UnreadableRow: The shared context of the task cannot be read: Input data was truncated. {REPAIR}",
        ),
        ("cursor cut", f"UnreadableRow: The cursor of the stage cannot be read: Input data was truncated. {REPAIR}"),
        (
            "previous",
            f"UnreadableRow: The response of the stage before, …, cannot be read: Input data was truncated. {REPAIR}",
        ),
        (
            "previous type",
            "UnreadableRow: The response of the stage before, …, cannot be read: "
            f"os.system is not a subclass of TaskResponse. {REPAIR}",
        ),
        (
            "previous state",
            f"UnreadableRow: The state of the stage before, …, cannot be read: 'BOGUS' is not a valid State. {REPAIR}",
        ),
        ("results", f"UnreadableRow: The response of stage … cannot be read: Input data was truncated. {REPAIR}"),
    ],
)
def test_a_stage_that_cannot_be_read_is_an_error_that_says_what_to_do(run: Run, name: str, words: str) -> None:
    task = run.tasks[name]
    stage = TaskStage.objects.get(task=task, state=State.ERROR)
    said = stage.message
    if "…," in words or "stage …" in words:
        first = TaskStage.objects.filter(task=run.tasks.get(f"{name} nested", task)).earliest("order")
        said = said.replace(str(first.uuid), "…")
    assert said == words
    assert (task.state, task.message) == (State.ERROR, stage.message)
    assert stage.attempts.filter(outcome=AttemptOutcome.ERROR).count() == 1
    # The stages behind it did not begin.
    assert set(states(task)[stage.order + 1 :]) <= {State.CANCELED}


def test_a_finally_whose_task_cannot_be_read_is_an_error_and_the_task_keeps_its_state(run: Run) -> None:
    task = run.tasks["ended"]
    assert (task.state, states(task)) == (State.SUCCESS, ["SUCCESS", "ERROR"])
    assert TaskStage.objects.get(task=task, order=1).message == (
        f"UnreadableRow: The response of the task cannot be read: {MALFORMED} {REPAIR}"
    )


def test_what_nobody_reads_does_no_harm(run: Run) -> None:
    assert states(run.tasks["cursor unread"]) == ["SUCCESS"]


@pytest.mark.parametrize(
    ("name", "state", "stages"),
    [
        ("one of three", "RUNNING", ["SUCCESS", BOGUS, "SUCCESS"]),
        ("first of two", "READY", [BOGUS, "READY"]),
        ("whole", BOGUS, ["READY"]),
        ("whole later", BOGUS, ["READY"]),
        ("without token", "READY", ["RUNNING"]),
        ("waiting stage", "WAITING", [BOGUS, "READY"]),
        ("waiting task", BOGUS, ["WAITING", "READY"]),
    ],
)
def test_an_unknown_state_is_left_alone(run: Run, name: str, state: str, stages: list[str]) -> None:
    task = run.tasks[name]
    assert (task.state, states(task)) == (state, stages)
    assert not StageAttempt.objects.filter(stage__task=task).exists()


def test_a_claim_looks_past_what_is_left_alone(run: Run) -> None:
    """Given a task of an unknown state before all others, then a claim of one stage takes that of the next task."""
    first, second = (rows.build(f"urgent {number}", EntityWrapper(Noop), priority=100) for number in (1, 2))
    rows.change_task(first, state=BOGUS)
    assert [claim.task for claim in Store().claim(1)] == [second.uuid]


@pytest.mark.parametrize("name", WAITS)
def test_what_nobody_can_join_now_is_not_lost(run: Run, name: str) -> None:
    """Given a nested task that is done below a row that cannot be read, then it waits with its end."""
    nested = run.tasks[f"{name} nested"]
    assert (nested.finished_at, nested.open_count, states(nested)) == (None, 0, ["SUCCESS"])


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "retry_failed"])
def test_a_verb_on_an_unknown_state_is_refused(run: Run, verb: str) -> None:
    task = run.tasks["whole"]
    with pytest.raises(UnreadableRow) as refused:
        getattr(task, verb)()
    words = f"Task {task.uuid} is in a state that this version does not know; put it right first."
    assert str(refused.value) == words


def test_by_hand_it_is_refused_too(run: Run) -> None:
    by_hand = run.by_hand
    words = f"Task {run.tasks['whole'].uuid} is in a state that this version does not know; put it right first."
    assert (by_hand.returncode, by_hand.stderr) == (2, f"CommandError: {words}\n")


def test_pages_show_what_there_is(run: Run, admin_client: Client, admin_user: User) -> None:
    assert admin_client.get(reverse("admin:django_tasks_poc_task_changelist")).status_code == 200
    for name, task in run.tasks.items():
        page = admin_client.get(reverse("admin:django_tasks_poc_task_change", args=[task.uuid]))
        assert page.status_code == 200, name
        shown = page.content.decode()
        assert ("It is in a state that this version does not know, BOGUS" in shown) == (task.state == BOGUS), name
        assert ("They cannot be read." in shown) == name.startswith("options"), name


def test_a_view_of_an_unknown_state_says_so(run: Run) -> None:
    with pytest.raises(UnreadableRow) as refused:
        TaskViewer().get(run.tasks["whole"].uuid)
    assert str(refused.value) == (
        f"The state of task {run.tasks['whole'].uuid} cannot be read: 'BOGUS' is not a valid State. {REPAIR}"
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shared cut", "The shared context of the task cannot be read: Input data was truncated."),
        ("ended", f"The response of the task cannot be read: {MALFORMED}"),
    ],
)
def test_a_program_that_reads_a_row_hears_the_same(run: Run, name: str, words: str) -> None:
    task = run.tasks[name]
    with pytest.raises(UnreadableRow) as refused:
        _ = task.shared_value, task.response_value
    assert str(refused.value) == f"{words} {REPAIR}"


@pytest.fixture(scope="module")
def repaired(run: Run) -> int:
    """The exit code of a manager that found the states put right; comes last."""
    run.half_done.repair()
    return run_manager().returncode


@pytest.mark.parametrize("name", WAITS)
def test_what_is_put_right_goes_on(run: Run, repaired: int, name: str) -> None:
    """Given states that were put right, then the joins that waited for that are made."""
    task = Task.objects.get(uuid=run.tasks[name].uuid)
    assert (repaired, task.state, states(task)) == (0, State.SUCCESS, ["SUCCESS", "SUCCESS"])
