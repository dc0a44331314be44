"""pause_task, resume_task, cancel_task and retry_task: what they do, say and keep; twice is as good as once."""

from __future__ import annotations

import getpass
import io
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from django_tasks_poc import EntityWrapper, State, TaskBuilder
from django_tasks_poc.models import Task, TaskEvent, TaskStage
from django_tasks_poc.testing import assert_failed, run_pending, run_task

from .handlers_admin import Fail, FanOut, Say
from .support import run_manage

pytestmark = pytest.mark.django_db(databases=["default", "even", "odd"])

NOBODY = "01900000-0000-7000-8000-000000000000"
VERBS = ("pause_task", "resume_task", "cancel_task", "retry_task")


def build(*stages: EntityWrapper, node: str = "default") -> Task:
    builder = TaskBuilder(node=node)
    return builder.build(builder.create("Import", *stages, unique=False))


def say(command: str, uuid: UUID | str, *arguments: str) -> str:
    said = io.StringIO()
    call_command(command, str(uuid), *arguments, stdout=said)
    return said.getvalue().rstrip("\n")


def state_of(task: Task) -> str:
    task.refresh_from_db()
    return task.state


def test_pause_and_resume_say_what_they_did_once() -> None:
    task = build(EntityWrapper(Say))
    assert say("pause_task", task.uuid) == "Paused “Import”: 1 task."
    assert state_of(task) == State.PAUSED
    assert say("pause_task", task.uuid) == "Nothing to do: “Import” is PAUSED, and nothing of it could start."
    run_pending()
    assert state_of(task) == State.PAUSED
    assert say("resume_task", task.uuid) == "Resumed “Import”: 1 task."
    run_pending()
    words = "Nothing to do: “Import” is SUCCESS, and no pause of it is to be taken back."
    assert say("resume_task", task.uuid) == words
    assert [event.verb for event in TaskEvent.objects.filter(task=task)] == ["pause", "resume"]


def test_a_title_does_nothing_to_the_terminal() -> None:
    builder = TaskBuilder()
    task = builder.build(builder.create("\x1b[2J\nImport", EntityWrapper(Say)))
    assert say("cancel_task", task.uuid) == "Canceled “␛[2J Import”: 1 task, 1 stage."


def test_cancel_counts_tasks_and_stages() -> None:
    task = build(*[EntityWrapper(Say)] * 3)
    assert say("cancel_task", task.uuid) == "Canceled “Import”: 1 task, 3 stages."
    assert say("cancel_task", task.uuid) == "Nothing to do: “Import” is CANCELED, and nothing of it is open."


def test_retry_runs_what_failed_again() -> None:
    task = run_task(build(EntityWrapper(FanOut, {"good": 2, "bad": 1}), EntityWrapper(Fail)))
    assert_failed(task, "failed on purpose")
    starts = dict(TaskStage.objects.values_list("uuid", "start"))
    assert say("retry_task", task.uuid).startswith("Retrying “Import”: 2 tasks, ")
    run_pending()
    again = {uuid for uuid, start in TaskStage.objects.values_list("uuid", "start") if start > starts[uuid]}
    assert again == set(TaskStage.objects.filter(state=State.ERROR).values_list("uuid", flat=True))
    assert len(again) == 2
    good = run_task(build(EntityWrapper(Say)))
    assert say("retry_task", good.uuid) == "Nothing to do: “Import” is SUCCESS, and nothing of it failed."


def test_a_task_paused_from_above_names_the_task_to_resume() -> None:
    task = build(EntityWrapper(FanOut, {"good": 1, "bad": 0}))
    run_pending()
    nested = Task.objects.get(parent_stage__task=task)
    Task.objects.filter(uuid=nested.uuid).update(
        state=State.PAUSED, pause_root=task.uuid, finished_at=None, open_count=1, success_count=0
    )
    words = (
        f"Nothing to do: “{nested.title}” is PAUSED, and was paused with the task above it: resume_task {task.uuid}."
    )
    assert say("resume_task", nested.uuid) == words


@pytest.mark.parametrize("arguments", [[], ["--by", "ann", "--reason", "the table is wrong"]])
def test_who_and_why_are_kept(arguments: list[str]) -> None:
    task = build(EntityWrapper(Say))
    say("cancel_task", task.uuid, *arguments)
    event = TaskEvent.objects.get(task=task)
    who, why = (arguments[1], arguments[3]) if arguments else (getpass.getuser(), "")
    assert (event.verb, event.by, event.reason) == ("cancel", who, why)


def test_a_task_is_found_in_the_database_of_another_node() -> None:
    task = build(EntityWrapper(Say), node="odd")
    assert say("cancel_task", task.uuid) == "Canceled “Import”: 1 task, 1 stage."
    assert Task.objects.using("odd").get().state == State.CANCELED


@pytest.mark.parametrize("command", VERBS)
def test_an_unknown_task_is_an_error(command: str) -> None:
    with pytest.raises(CommandError, match=f"There is no task {NOBODY} in the databases of the nodes"):
        say(command, NOBODY)
    with pytest.raises(CommandError, match="argument uuid: 'abc' is no uuid"):
        say(command, "abc")


def test_a_retry_that_would_break_the_unique_key_is_an_error() -> None:
    builder = TaskBuilder()

    def draft() -> Any:
        return builder.create("Once", EntityWrapper(Fail), unique_key="once")

    first = builder.build(draft())
    run_pending()
    second = builder.build(draft())
    with pytest.raises(CommandError, match=str(second.uuid)):
        say("retry_task", first.uuid)
    assert state_of(first) == State.ERROR


def test_the_exit_codes_are_those_of_a_shell() -> None:
    assert run_manage("cancel_task", "abc").returncode == 2
