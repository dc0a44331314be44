"""Nonsense on the command line: exit code 2, one line that says what to do, and nothing is started."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from django_tasks_poc import EntityWrapper, TaskBuilder
from django_tasks_poc.manager import TaskManager, TaskManagerOptions
from django_tasks_poc.manager.options import InvalidOption
from django_tasks_poc.models import ManagerProcess, StageAttempt, Task, TaskStage

from ..handlers import Noop
from ..support import run_manage

pytestmark = [pytest.mark.django_db, pytest.mark.anywhere]
#: For commands that get as far as to close the connections of their process.
committed = pytest.mark.django_db(transaction=True)

UUID = "01890a5d-ac96-774b-bcce-b302099a8057"
PATH = "There is no handler program {}; give --bindir and --handler."


@pytest.fixture(autouse=True)
def nothing_is_started(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Given a task that is ready, then no manager was registered for it, and it has not begun."""
    monkeypatch.setattr(sys, "argv", [str(settings.BASE_DIR / "manage.py")])
    task = TaskBuilder().build(TaskBuilder().create("waits", EntityWrapper(Noop)))
    before = list(Task.objects.values()), list(TaskStage.objects.filter(task=task).values())
    yield
    assert (list(Task.objects.values()), list(TaskStage.objects.values())) == before
    assert not ManagerProcess.objects.exists()
    assert not StageAttempt.objects.exists()


def seconds(option: str, least: str, *wrong: str) -> list[tuple[list[str], str]]:
    """Return nonsense for an option of seconds."""
    name = option.replace("-", "_")
    return [
        ([f"--{option}={value}"], f"{name} is {float(value)!r}; it must be seconds from {least} to ten years.")
        for value in wrong
    ]


def ints(option: str) -> list[tuple[list[str], str]]:
    name = option.replace("-", "_")
    huge = "9" * 200
    return [
        *[
            ([f"--{option}={value}"], f"{name} is {value}; it must be an int from 1 to 100,000.")
            for value in ("0", "-1", "100001")
        ],
        ([f"--{option}={huge}"], f"{name} is {huge[:100]}…; it must be an int from 1 to 100,000."),
        *[
            ([f"--{option}={value}"], f"Error: argument --{option}: invalid int value: '{value}'")
            for value in ("", "1.5", "many", "nan")
        ],
    ]


MANAGER: list[tuple[list[str], str]] = [
    *seconds("heartbeat", "0.01", "0", "-1", "nan", "inf", "1e300"),
    *seconds("keeper-interval", "0.01", "0", "-1", "nan", "inf", "1e300"),
    *seconds("timeout", "1", "0", "0.5", "-1", "nan", "inf", "1e300"),
    *seconds("run-for", "0", "-1", "nan", "inf", "1e300"),
    *seconds("grace", "0", "-1", "nan", "inf", "1e300"),
    *[
        ([f"--{option}={value}"], f"Error: argument --{option}: invalid float value: '{value}'")
        for option in ("heartbeat", "keeper-interval", "timeout", "run-for", "grace")
        for value in ("", "soon")
    ],
    *ints("queue-size"),
    *ints("max-stages-per-process"),
    (["--executor", "threads"], "Error: argument --executor: invalid choice: 'threads' (choose from "),
    (["--executor", ""], "Error: argument --executor: invalid choice: '' (choose from "),
    (["--node", "nowhere"], "Node 'nowhere' is not in DJANGO_TASKS_POC['NODES']. Configured: default, even, odd."),
    (["--node", ""], "Node '' is not in DJANGO_TASKS_POC['NODES']. Configured: default, even, odd."),
    (["--handler", "no-such.py"], PATH.format(settings.BASE_DIR / "no-such.py")),
    (["--handler", "tests"], PATH.format(settings.BASE_DIR / "tests")),
    (["--bindir", "/no/such"], PATH.format("/no/such/manage.py")),
    (["--handler", ""], "handler is empty; name the program that runs stages, or leave it out."),
    (["--bindir", ""], "bindir is empty; name the folder of the program that runs stages, or leave it out."),
    (["--heartbeet", "3"], "Error: unrecognized arguments: --heartbeet 3"),
    (["now"], "Error: unrecognized arguments: now"),
]


def _id(value: Any) -> str:
    return " ".join(value)[:100] if isinstance(value, list) else ""


def refusal(command: str, *arguments: str) -> CommandError:
    with pytest.raises(CommandError) as refused:
        call_command(command, *arguments)
    return refused.value


@pytest.mark.parametrize(("arguments", "words"), MANAGER, ids=_id)
def test_a_manager_is_refused(arguments: list[str], words: str) -> None:
    error = refusal("run_task_manager", "--drain", *arguments)
    # How Python lists the choices differs between versions.
    assert str(error) == words or (words.endswith("(choose from ") and str(error).startswith(words))
    assert "\n" not in str(error)
    # What the parser refuses has its exit code from the parser, which a test below sees.
    assert error.returncode == (1 if words.startswith("Error: ") else 2)


@committed
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Give --task and --stage, as the admin shows them."),
        (["--task", UUID], "Give --task and --stage, as the admin shows them."),
        (["--stage", UUID], "Give --task and --stage, as the admin shows them."),
        (["--task", "7", "--stage", UUID], "Error: argument --task: '7' is no uuid"),
        (["--task", UUID, "--stage", ""], "Error: argument --stage: '' is no uuid"),
        (["--task", UUID, "--stage", UUID, "--previous", "x"], "Error: argument --previous: 'x' is no uuid"),
        (["--task", UUID, "--stage", UUID], f"No stage {UUID} on node default."),
        (["--task", UUID, "--stage", UUID, "--dry-run"], f"No stage {UUID} on node default."),
        (
            ["--task", UUID, "--stage", UUID, "--node", "nowhere"],
            "Node 'nowhere' is not in DJANGO_TASKS_POC['NODES']. Configured: default, even, odd.",
        ),
        (
            ["--task", UUID, "--stage", UUID, "--node", ""],
            "Node '' is not in DJANGO_TASKS_POC['NODES']. Configured: default, even, odd.",
        ),
        (["--task", UUID, "--stages", UUID, "--now"], f"Error: unrecognized arguments: --stages {UUID} --now"),
        (["--fd", "three"], "Error: argument --fd: invalid int value: 'three'"),
    ],
    ids=_id,
)
def test_a_stage_by_hand_is_refused(arguments: list[str], words: str) -> None:
    error = refusal("handle_stage", *arguments)
    assert str(error) == words
    assert error.returncode == (1 if words.startswith("Error: ") else 2)


@committed
def test_the_stage_of_another_task_is_refused() -> None:
    stage = TaskStage.objects.get()
    error = refusal("handle_stage", "--task", UUID, "--stage", str(stage.uuid))
    assert (str(error), error.returncode) == (f"Stage {stage.uuid} is not of task {UUID}.", 2)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("print('hello')", "hello"),
        ("raise SystemExit(7)", "nothing"),
        ("import shop", "ModuleNotFoundError: No module named 'shop'"),
        ("this is no program", "SyntaxError: invalid syntax"),
    ],
)
def test_a_program_that_cannot_run_stages_is_refused(program: str, said: str, tmp_path: Path) -> None:
    """Given a program without our command, then it is asked before stages are wasted on it."""
    (tmp_path / "mine.py").write_text(f"{program}\n")
    error = refusal("run_task_manager", "--handler", "mine.py", "--bindir", str(tmp_path))
    assert (str(error), error.returncode) == (
        f"The handler program {tmp_path / 'mine.py'} does not know handle_stage; give a manage.py of this project. "
        f"It said: {said}",
        2,
    )


@committed
def test_a_folder_for_locks_that_is_not_there_is_refused(settings: Any, tmp_path: Path) -> None:
    settings.DJANGO_TASKS_POC = {"LOCK_DIR": tmp_path / "gone"}
    words = (
        f"A lock file cannot be made in {tmp_path / 'gone'}: No such file or directory. "
        "Name a folder that is there and may be written in DJANGO_TASKS_POC['LOCK_DIR']."
    )
    error = refusal("run_task_manager", "--drain")
    assert (str(error), error.returncode) == (words, 2)
    stage = TaskStage.objects.get()
    error = refusal("handle_stage", "--task", str(stage.task_id), "--stage", str(stage.uuid))
    assert (str(error), error.returncode) == (words, 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"heartbeat": True}, "heartbeat is True; it must be seconds from 0.01 to ten years."),
        ({"queue_size": "4"}, "queue_size is '4'; it must be an int from 1 to 100,000."),
        ({"queue_size": True}, "queue_size is True; it must be an int from 1 to 100,000."),
        ({"executor": "threads"}, "executor is 'threads'; it must be one of prefork, subprocess, inline."),
        ({"executor": ["prefork"]}, "executor is ['prefork']; it must be one of prefork, subprocess, inline."),
    ],
)
def test_options_in_code_are_refused_alike(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidOption) as refused:
        TaskManager().run(TaskManagerOptions(**options))
    assert str(refused.value) == words


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("run_task_manager --queue-size 0", "CommandError: queue_size is 0; it must be an int from 1 to 100,000."),
        (
            "run_task_manager --timeout soon",
            "manage.py run_task_manager: error: argument --timeout: invalid float value: 'soon'",
        ),
        ("handle_stage --task 7", "manage.py handle_stage: error: argument --task: '7' is no uuid"),
    ],
)
def test_the_exit_code_is_2_and_the_last_line_says_why(arguments: str, line: str) -> None:
    run = run_manage(*arguments.split(), timeout=20)
    assert (run.returncode, run.stdout, run.stderr.splitlines()[-1]) == (2, "", line)
    assert "Traceback" not in run.stderr
