"""How stages follow one another, what they see of each other, and how tasks end: many tasks, one drain."""

from __future__ import annotations

from decimal import Decimal

import pytest

from django_tasks_poc import State, TaskBuilder, TaskExists
from django_tasks_poc.models import Kind, Task

from . import scenarios
from .handlers import Priced
from .scenarios import attempts, states, steps
from .witness import most_at_once, notes

# What is read was committed before: each test's own transaction only rolls back what that test builds.
pytestmark = pytest.mark.django_db

COLD = ("join", "cancel", "prices")
S, E, C, K = State.SUCCESS, State.ERROR, State.CANCELED, State.SKIPPED


@pytest.fixture(scope="module")
def ended(shared_database: None) -> dict[str, Task]:
    """All tasks of the scenarios, run by one manager."""
    return scenarios.run(scenarios.orders(), "--queue-size", "8")


@pytest.fixture(scope="module")
def cold(ended: dict[str, Task]) -> dict[str, Task]:
    """Some of them once more, each stage in a cold process."""
    some = {name: scenarios.orders()[name] for name in COLD}
    return scenarios.run(some, "--executor", "subprocess")


def nested_of(task: Task) -> Task:
    return Task.objects.get(parent_stage__task=task)


def test_stages_of_a_sequential_task_run_one_after_another_and_see_the_one_before(ended: dict[str, Task]) -> None:
    task = ended["sequential"]
    assert (task.state, states(task)) == (S, [S, S, S])
    assert most_at_once("one at a time") == 1
    first, second, third = (step.response_value["previous"] for step in steps(task))
    assert first is None
    assert second[:2] == third[:2] == ["SUCCESS", "one at a time done"]
    assert (task.message, task.response_value["previous"]) == ("one at a time done", third)


def test_all_stages_see_the_shared_context(ended: dict[str, Task]) -> None:
    assert [step.response_value["shared"] for step in steps(ended["sequential"])] == [{"rate": "1.25"}] * 3


def test_stages_of_a_parallel_task_see_none_before(ended: dict[str, Task]) -> None:
    task = ended["parallel"]
    assert (task.state, task.message) == (S, "3 succeeded")
    assert [step.response_value["previous"] for step in steps(task)] == [None] * 3


def test_a_typed_response_reaches_the_next_stage_as_it_was(ended: dict[str, Task]) -> None:
    task = ended["prices"]
    assert task.message == "0.70 until 28 February"
    assert isinstance(task.response_value, Priced)
    assert repr(task.response_value.total) == "Decimal('0.70')"
    assert ended["sum"].response_value.total == Decimal("1.00")


def test_a_join_brings_successes_and_failures_as_data(ended: dict[str, Task]) -> None:
    task, nested = ended["join"], nested_of(ended["join"])
    assert (task.state, states(task)) == (S, [S, S])
    assert (nested.state, nested.message) == (E, "1 succeeded, 1 skipped, 2 failed")
    found = task.response_value
    assert found["state"] == "SUCCESS"
    assert found["success"] == ["success"]
    assert found["failure"] == [
        [{"how": "raise"}, "ERROR", "ValueError: row 13 is bad", "row 13 is bad", None],
        [{"how": "error"}, "ERROR", "refused", "refused", {"code": 7}],
    ]
    assert found["stages"] == found["again"] == [S, E, K, E]
    assert (found["lengths"], found["last"]) == ([1, 2, 4], E)
    assert found["slice"] == ["fine", "ValueError: row 13 is bad"]


def test_a_join_of_joins_is_lazy_all_the_way_down(ended: dict[str, Task]) -> None:
    found = ended["join of joins"].response_value
    assert [len(answers) for answers in found["success"]] == [2, 1]
    assert found["success"][0][0] == "success"
    assert (found["stages"], found["failure"]) == ([S, S], [])


def test_a_fan_out_of_no_stages_ends_at_once(ended: dict[str, Task]) -> None:
    assert nested_of(ended["empty fan"]).state == S
    assert ended["empty fan"].response_value["lengths"] == [0, 0, 0]
    assert ended["empty fan"].response_value["last"] is None


@pytest.mark.parametrize(
    ("name", "state", "stages"),
    [
        ("stop", E, [S, E, C, C]),
        ("continue", E, [E, S, E]),
        ("enough failures", E, [E, E, E, C, C]),
        ("few failures", E, [E, E, S, S]),
        ("wait on stop", E, [E, C]),
        ("wait on cancel", C, [C, C]),
        ("failed wait among failures", E, [C, S]),
        ("skip", S, [K, S]),
        ("cancel", C, [S, C, C]),
    ],
)
def test_failures_stop_a_task_or_are_borne(ended: dict[str, Task], name: str, state: str, stages: list[str]) -> None:
    assert (ended[name].state, states(ended[name])) == (state, stages)


def test_what_began_before_a_stop_goes_to_its_end_with_its_retries(ended: dict[str, Task]) -> None:
    task = ended["stop in parallel"]
    assert (task.state, states(task)) == (E, [S, E, C, C])
    assert steps(task)[0].attempt == 3


def test_a_wait_on_a_task_that_stopped_tells_why(ended: dict[str, Task]) -> None:
    waited = steps(ended["wait on stop"])[0]
    assert states(nested_of(ended["wait on stop"])) == [E, C, C]
    assert waited.message == "1 failed, 2 canceled"
    assert waited.response_value == {"total": 3, "success": 0, "error": 1, "canceled": 2, "skipped": 0}


def test_a_sequential_task_speaks_with_the_words_of_its_last_stage_that_began(ended: dict[str, Task]) -> None:
    assert ended["stop"].message == "ValueError: row 13 is bad"
    assert ended["cancel"].message == "no use"
    assert ended["finally of error"].response_value == {"code": 7}


@pytest.mark.parametrize(
    ("name", "state", "message"),
    [
        ("success", "SUCCESS", "fine"),
        ("error", "ERROR", "refused"),
        ("cancel", "CANCELED", "no use"),
        ("timeout", "ERROR", "TimeoutError: it ran longer than 1 s."),
    ],
)
def test_a_finally_runs_once_however_its_task_ended(
    ended: dict[str, Task], name: str, state: str, message: str
) -> None:
    task = ended.get(f"finally of {name}") or ended[name]
    (told,) = notes(f"finally of {name}")
    assert (told["task"], told["state"], told["message"]) == (str(task.uuid), state, message)
    last = task.stages.order_by("order").last()
    assert last is not None
    assert (last.kind, last.state, last.order) == (Kind.FINALLY, S, task.total_count)
    assert last.duration > 0


def test_a_finally_that_fails_is_retried_and_changes_nothing(ended: dict[str, Task]) -> None:
    task = ended["bad finally"]
    assert (task.state, task.total_count, task.error_count) == (S, 1, 0)
    assert task.stages.get(kind=Kind.FINALLY).message == "OSError: nobody listens"
    assert len(notes("told badly")) == 2


def test_a_draft_may_wait_before_it_begins(ended: dict[str, Task]) -> None:
    for name, least in (("later", 0.7), ("run after", 0.5)):
        task = ended[name]
        assert task.started_at is not None
        assert (task.started_at - task.created_at).total_seconds() >= least, name


def test_the_key_of_a_task_is_free_when_it_ended(ended: dict[str, Task]) -> None:
    task = TaskBuilder().build(scenarios.create(scenarios.orders())["sequential"])
    assert task.uuid != ended["sequential"].uuid
    with pytest.raises(TaskExists) as refused:
        TaskBuilder().build(scenarios.create(scenarios.orders())["sequential"])
    assert refused.value.uuid == task.uuid


@pytest.mark.parametrize("name", COLD)
def test_the_same_happens_in_cold_processes(ended: dict[str, Task], cold: dict[str, Task], name: str) -> None:
    task, wanted = cold[name], ended[name]
    assert (task.state, task.message, states(task)) == (wanted.state, wanted.message, states(wanted))
    assert attempts(task) == attempts(wanted)
