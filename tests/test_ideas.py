"""Each idea of the demo, run by one manager: how its task ended, in which order, and what is worth seeing in it."""

from __future__ import annotations

import ast
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from django.conf import settings

from demo_project.ideas import Idea, find_ideas
from django_tasks_poc import TaskBuilder
from django_tasks_poc.models import AttemptOutcome, StageAttempt, Task, TaskStage

from .idea_ends import ENDS
from .storage.consistency import assert_consistent
from .support import run_manager

# What is read was committed before.
pytestmark = pytest.mark.django_db

IDEAS = find_ideas()


@dataclass(frozen=True)
class Trial:
    """A task as it ended, and its picture when the manager had nothing more to do for the first time."""

    task: Task
    first: str


@pytest.fixture(scope="module")
def trials(shared_database: None) -> dict[str, Trial]:
    """All ideas, run by one manager; what has paused itself was resumed then."""
    builder = TaskBuilder()
    tasks = {name: builder.build(idea.draft(builder)) for name, idea in IDEAS.items()}
    assert run_manager().returncode == 1  # some fail, as they are to
    found = {name: Trial(task, picture(task)) for name, task in tasks.items()}
    tasks["pause"].resume(reason="fine", by="ann")
    assert run_manager().returncode == 0
    for task in tasks.values():
        task.refresh_from_db()
    assert_consistent()
    return found


def picture(task: Task) -> str:
    return "\n".join(lines(task, " " * 8))


def lines(task: Task, indent: str) -> Iterator[str]:
    task.refresh_from_db()
    yield " | ".join(filter(None, [f"{indent}{task.state} {task.title}", task.message]))
    for stage in task.stages.order_by("order"):
        response = "" if stage.response_value is None or stage.waited else repr(stage.response_value)
        ends = ", ".join(stage.attempts.order_by("start").values_list("outcome", flat=True))
        yield " | ".join(filter(None, [f"{indent}    {stage.state} {stage}", stage.message, response, ends]))
        for nested in stage.nested_tasks.all():
            yield from lines(nested, f"{indent}        ")


@pytest.mark.parametrize("name", IDEAS)
def test_an_idea_ends_as_it_tells(trials: dict[str, Trial], name: str) -> None:
    folder = Path(tempfile.gettempdir(), f"export-{trials[name].task.uuid}")
    assert picture(trials[name].task) == ENDS[name].removeprefix("\n").replace("{folder}", str(folder))


@pytest.mark.parametrize("name", IDEAS)
def test_a_stage_starts_when_all_of_the_one_before_it_has_ended(trials: dict[str, Trial], name: str) -> None:
    for task in trials[name].task.subtree.filter(parallel=False):
        stages = list(task.stages.steps().filter(started_at__isnull=False).order_by("order"))
        for before, stage in pairwise(stages):
            assert seconds(last_end_below(before), stage.started_at) >= 0


def last_end_below(stage: TaskStage) -> datetime:
    ends = [stage.finished_at]
    for nested in stage.nested_tasks.all():
        ends += [last_end_below(below) for below in nested.stages.all()]
    return max(end for end in ends if end is not None)


def seconds(start: datetime | None, end: datetime | None) -> float:
    assert start is not None
    assert end is not None
    return (end - start).total_seconds()


def only_stage(trials: dict[str, Trial], name: str) -> TaskStage:
    return trials[name].task.stages.get()


def test_a_failure_keeps_the_traceback(trials: dict[str, Trial]) -> None:
    charge = trials["failure"].task.stages.get(order=1)
    assert charge.error is not None
    assert charge.error.class_path == "demo_project.handlers.failure.CardRefused"
    assert 'raise CardRefused("the card has expired")' in charge.error.traceback


def test_a_retry_waits_longer_each_time_and_keeps_how_each_attempt_ended(trials: dict[str, Trial]) -> None:
    stage = only_stage(trials, "retry")
    first, second = StageAttempt.objects.filter(stage=stage)
    assert first.message == "ConnectionError: the line broke"
    assert second.signal == 9
    assert seconds(first.ended_at, second.started_at) >= 0.2
    assert seconds(second.ended_at, stage.finished_at) >= 0.4


def test_a_delay_is_a_start_of_its_own_and_no_attempt(trials: dict[str, Trial]) -> None:
    stage, task = only_stage(trials, "delay"), trials["delay"].task
    assert (stage.start, stage.attempt) == (3, 1)
    assert seconds(task.started_at, task.finished_at) >= 1
    assert stage.duration is not None
    assert stage.duration < 1  # no process waited


def test_a_pause_lasts_until_somebody_resumes(trials: dict[str, Trial]) -> None:
    assert trials["pause"].first.split("\n") == [
        "        PAUSED Pay an invoice | approve 250 EUR",
        "            PAUSED 1. Approve | approve 250 EUR",
        "            READY 2. Pay",
    ]
    (event,) = trials["pause"].task.events.all()
    assert (event.verb, event.by, event.reason) == ("resume", "ann", "fine")


def test_a_finally_tidies_up_after_all_else(trials: dict[str, Trial]) -> None:
    export, send, tidy = trials["finally"].task.stages.order_by("order")
    assert export.response_value.endswith(str(trials["finally"].task.uuid))
    assert not Path(export.response_value).exists()
    assert seconds(send.finished_at, tidy.started_at) >= 0


def test_a_timeout_ends_one_process_and_not_the_one_beside_it(trials: dict[str, Trial]) -> None:
    hung, slow = trials["timeout"].task.stages.order_by("order")
    attempt = hung.attempts.get()
    assert (attempt.outcome, attempt.signal) == (AttemptOutcome.TIMED_OUT, 15)
    assert seconds(hung.started_at, hung.finished_at) >= 1
    assert seconds(slow.started_at, slow.finished_at) >= 1.2


@pytest.mark.parametrize("idea", IDEAS.values(), ids=IDEAS)
def test_an_idea_is_short_public_and_told(idea: Idea) -> None:
    source = idea.path.read_text()
    tree = ast.parse(source)
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert {module for module in imported if module.startswith("django_tasks_poc")} == {"django_tasks_poc"}
    assert len(source.splitlines()) <= 60
    assert idea.summary.endswith(".")
    assert f"| `{idea.name}` | {idea.summary} |" in (settings.BASE_DIR / "README.md").read_text()


def test_the_import_is_no_idea() -> None:
    assert "import_table" not in IDEAS
    assert ENDS.keys() == IDEAS.keys()
