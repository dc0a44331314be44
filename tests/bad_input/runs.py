"""Bad stages, each with a good one behind it, run to their end by one manager."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django_tasks_poc import EntityWrapper, OnError, State, TaskBuilder
from django_tasks_poc.models import StageAttempt, Task, TaskStage

from ..storage.consistency import assert_consistent
from ..support import run_manager
from .looking import Looks

#: A child of prefork takes one stage after another as long as it can.
PREFORK = ("prefork", "--queue-size", "1", "--max-stages-per-process", "1000")
COLD = ("subprocess", "--queue-size", "4")

#: Coverage leaves a file of its own, with a name of its own, in each cold process.
MEASURED = "COVERAGE_RUN" in os.environ


@dataclass(frozen=True)
class Ended:
    """A bad stage, what is kept of its failure, and the good stage that was built behind it."""

    stage: TaskStage
    attempt: StageAttempt | None
    good: TaskStage

    @property
    def facts(self) -> tuple[str, str]:
        return self.stage.state, self.stage.message

    @property
    def pid(self) -> int:
        """The process of the bad stage: what it answered, or what is kept of its failure."""
        return self.attempt.pid if self.attempt is not None else self.stage.response_value

    @property
    def post_mortem(self) -> tuple[Any, ...]:
        """How the process failed, apart from where: nothing when it did not."""
        one = self.attempt
        return () if one is None else (one.outcome, one.attempt, one.exit_code, one.signal, one.stdout)

    @property
    def outlived(self) -> bool:
        """Whether the process went on to the good stage."""
        return self.pid == self.good.response_value["pid"]


@dataclass(frozen=True)
class Run:
    """What one manager made of a module's bad stages."""

    is_cold: bool
    ended: Mapping[str, Ended]
    first: TaskStage
    code: int
    said: str

    def __getitem__(self, name: str) -> Ended:
        return self.ended[name]

    def assert_nothing_else_is_lost(self, name: str) -> None:
        """The good stage that was built behind this one succeeds, and finds what the very first stage found."""
        good = self[name].good
        assert (good.state, good.message) == (State.SUCCESS, "looked"), good.traceback
        if not (self.is_cold and MEASURED):
            assert good.response_value["finds"] == self.first.response_value["finds"]

    def assert_same(self, name: str, warm: Run) -> None:
        """The stage ended as it did in a child of prefork, with nothing else lost."""
        assert self[name].facts == warm[name].facts
        assert self[name].post_mortem == warm[name].post_mortem
        self.assert_nothing_else_is_lost(name)

    def assert_manager_went_on(self, code: int) -> None:
        """It ran everything with the fork server that it began with, failed at nothing itself, and ended as is due."""
        assert self.code == code, self.said
        assert "Traceback" not in self.said
        if not self.is_cold:
            assert len({one.good.response_value["parent"] for one in self.ended.values()}) == 1


def run(kind: tuple[str, ...], stages: Mapping[str, EntityWrapper], **options: Any) -> Run:
    """Run the stages with one manager: in a row, each right before a good one, or side by side in cold processes."""
    is_cold = kind is COLD
    builder = TaskBuilder()
    rows = [EntityWrapper(Looks)]
    for stage in stages.values():
        # Cold processes share nothing: one good stage tells of all.
        rows += [stage] if is_cold else [stage, EntityWrapper(Looks)]
    rows += [EntityWrapper(Looks)] if is_cold else []
    draft = builder.create("bad", *rows, parallel=is_cold, on_error=OnError.CONTINUE, timeout=30, **options)
    task = builder.build(draft)
    ended = run_manager("--executor", *kind)
    assert_consistent()
    return _collect(is_cold, task, list(stages), ended.returncode, ended.stderr)


def _collect(is_cold: bool, task: Task, names: list[str], code: int, said: str) -> Run:
    rows = list(task.stages.order_by("order"))
    assert all(State(row.state).is_final for row in rows), said
    attempts = {attempt.stage_id: attempt for attempt in StageAttempt.objects.filter(stage__task=task)}
    found = {}
    for number, name in enumerate(names):
        bad, good = (rows[number + 1], rows[-1]) if is_cold else rows[2 * number + 1 : 2 * number + 3]
        found[name] = Ended(bad, attempts.get(bad.uuid), good)
    return Run(is_cold, found, rows[0], code, said)
