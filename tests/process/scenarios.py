"""Tasks that one manager runs side by side: one for each rule of how stages run, end and fail."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from django_tasks_poc import EntityWrapper, OnError, RetryPolicy, State, TaskBuilder, TaskDraft
from django_tasks_poc.models import StageAttempt, Task

from ..storage.consistency import assert_consistent
from ..support import run_manager
from . import handlers, writing

#: Stages and options of a draft, by name.
Scenarios = dict[str, tuple[list[EntityWrapper], dict[str, Any]]]


def stage(handler: Any, **params: Any) -> EntityWrapper:
    return EntityWrapper(handler, params)


def answers(*hows: str) -> list[EntityWrapper]:
    return [stage(handlers.Answers, how=how) for how in hows]


def tell(name: str) -> EntityWrapper:
    return stage(handlers.Tell, name=name)


def create(scenarios: Scenarios) -> dict[str, TaskDraft]:
    """Return drafts, whose names are also their titles."""
    new = TaskBuilder().create
    return {name: new(name, *stages, **options) for name, (stages, options) in scenarios.items()}


def run(scenarios: Scenarios, *arguments: str) -> dict[str, Task]:
    """Build all tasks, let one manager run them, and return them as they ended."""
    builder = TaskBuilder()
    tasks = {name: builder.build(draft) for name, draft in create(scenarios).items()}
    ended = run_manager(*arguments)
    assert_consistent()
    for task in tasks.values():
        task.refresh_from_db()
    # Many fail, as they are to.
    assert ended.returncode == any(task.state == State.ERROR for task in tasks.values()), ended.stderr
    return tasks


def steps(task: Task) -> list[Any]:
    return list(task.stages.steps().order_by("order"))


def states(task: Task) -> list[str]:
    return [step.state for step in steps(task)]


def attempts(task: Task) -> list[Any]:
    """Return start, attempt and outcome of each post-mortem."""
    found = StageAttempt.objects.filter(stage__task=task).order_by("start")
    return list(found.values_list("start", "attempt", "outcome"))


def orders() -> Scenarios:
    """Return tasks whose stages follow one another, run side by side, wait, stop and go on."""
    step, price, fan, join = handlers.Step, handlers.Price, handlers.Fan, stage(handlers.Join)
    slow = [stage(step, name="one at a time", seconds=0.03) for _ in range(3)]
    mixed = ["success", "raise", "skip", "error"]
    soon = timezone.now() + timedelta(seconds=1)
    retried = stage(handlers.Flaky, how="OSError")
    return {
        "sequential": (slow, {"shared": {"rate": "1.25"}}),
        "parallel": ([stage(step, name="all at once", seconds=0)] * 3, {"parallel": True}),
        "prices": ([stage(price, number=7), stage(handlers.Check)], {}),
        "sum": ([stage(fan, hows=[], prices=4), stage(handlers.Check)], {}),
        "join": ([stage(fan, hows=mixed), join], {}),
        "join of joins": ([stage(handlers.FanOfFans), join], {}),
        "empty fan": ([stage(fan, hows=[]), join], {}),
        "stop": (answers("success", "raise", "success", "success"), {}),
        "continue": (answers("raise", "success", "error"), {"on_error": OnError.CONTINUE}),
        "stop in parallel": (
            [retried, *answers("raise", "success", "success")],
            {"parallel": True, "max_parallel": 1, "on_error": OnError.STOP},
        ),
        "enough failures": (answers(*["raise"] * 3, "success", "success"), {"max_failures": 2}),
        "few failures": (answers("raise", "raise", "success", "success"), {"max_failures": "50%"}),
        "wait on stop": ([stage(fan, hows=["raise"] * 3, options={"on_error": "STOP", "max_parallel": 1}), join], {}),
        "wait on cancel": ([stage(fan, hows=["cancel"]), join], {}),
        "cancel among failures": ([*answers("cancel"), join], {"on_error": OnError.CONTINUE}),
        "failed wait among failures": (
            [stage(fan, hows=["cancel"]), *answers("success")],
            {"on_error": OnError.CONTINUE},
        ),
        "skip": (answers("skip", "success"), {}),
        "cancel": (answers("success", "cancel", "success"), {"finally_": tell("finally of cancel")}),
        "finally of success": (answers("success"), {"finally_": tell("finally of success")}),
        "finally of error": (answers("error"), {"finally_": tell("finally of error")}),
        "finally of timeout": ([stage(handlers.Hang)], {"finally_": tell("finally of timeout")}),
        "bad finally": (answers("success"), {"finally_": stage(handlers.TellBadly)}),
        "later": ([stage(handlers.Step, name="later")], {"delay": 0.7}),
        "run after": ([stage(handlers.Step, name="run after")], {"run_after": soon}),
    }


def ends() -> Scenarios:
    """Return tasks of stages that end in each way there is."""
    flaky, writes, changes = handlers.Flaky, writing.Writes, handlers.Changes
    return {
        "raised": (answers("raise"), {}),
        "answered error": (answers("error"), {"retry": RetryPolicy(max_attempts=3)}),
        "none": (answers("none"), {}),
        "wrong": (answers("wrong"), {}),
        "huge": (answers("huge"), {}),
        "large": (answers("large"), {}),
        "poison": (answers("poison"), {}),
        "forget": (answers("forget"), {}),
        "exit 0": (answers("exit"), {}),
        "crash": (answers("crash"), {}),
        "timeout": ([stage(handlers.Hang)], {"timeout": 50}),
        "draft's timeout": (answers("hang"), {"timeout": 1}),
        "delayed answer": ([stage(handlers.DelaysTwice)], {}),
        "keeps": ([stage(handlers.Keeps)], {}),
        "paused": ([stage(handlers.PausesOnce)], {"finally_": tell("finally of paused")}),
        "retried error": ([stage(flaky, how="OSError")], {}),
        "not retried": ([stage(flaky, how="raise")], {}),
        "retried crash": ([stage(flaky, how="crash")], {}),
        "retried timeout": ([stage(flaky, how="hang")], {}),
        "draft's retry": (answers("raise"), {"retry": RetryPolicy(max_attempts=2)}),
        "changed to error": ([stage(changes, to="error")], {}),
        "changed to skip": ([stage(changes, to="skip")], {}),
        "changed by raising": ([stage(changes, to="raise")], {}),
        "atomic success": ([stage(writes, row="atomic success", how="success")], {}),
        "atomic skip": ([stage(writes, row="atomic skip", how="skip")], {}),
        "atomic error": ([stage(writes, row="atomic error", how="error")], {}),
        "atomic raise": ([stage(writes, row="atomic raise", how="raise")], {}),
        "atomic crash": ([stage(writes, row="atomic crash", how="crash")], {}),
        "atomic checkpoint": ([stage(writes, row="atomic checkpoint", how="checkpoint")], {}),
        "async": ([stage(writing.AsyncWrites, row="async")], {}),
        "async atomic": ([stage(writing.AsyncAtomic, row="async atomic")], {}),
        "async error": ([stage(writing.AsyncWrites, row="async error", how="raise")], {}),
        "async rollback": ([stage(writing.AsyncAtomic, row="async rollback", how="raise")], {}),
        "async checkpoint": ([stage(writing.AsyncAtomic, row="async checkpoint", how="checkpoint")], {}),
    }
