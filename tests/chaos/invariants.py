"""What must hold when everything has ended, whatever happened before."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import Any
from uuid import UUID

from django_tasks_poc import State
from django_tasks_poc.models import AttemptOutcome, Kind, ManagerProcess, StageAttempt, Task, TaskEvent, TaskStage
from django_tasks_poc.node import nodes
from django_tasks_poc.results import NestedResults
from django_tasks_poc.states import FAILED, FINAL

from ..storage.consistency import assert_consistent
from . import starts
from .handlers import Row, described


class Rows:
    """All rows as they are in the end."""

    def __init__(self) -> None:
        self.tasks = {task.uuid: task for task in Task.objects.all()}
        self.stages: dict[UUID, list[TaskStage]] = defaultdict(list)
        self.finallies: dict[UUID, list[TaskStage]] = defaultdict(list)
        for row in TaskStage.objects.order_by("order"):
            (self.finallies if row.kind == Kind.FINALLY else self.stages)[row.task_id].append(row)
        #: The nested tasks of each stage, the newest last: that is the one which it waited for.
        self.nested: dict[UUID, list[Task]] = defaultdict(list)
        for task in sorted(self.tasks.values(), key=lambda task: task.uuid):
            if task.parent_stage_id is not None:
                self.nested[task.parent_stage_id].append(task)
        #: How often something in the tree of a root was retried.
        self.retries = Counter(TaskEvent.objects.filter(verb="retry").values_list("task__root", flat=True))

    @cached_property
    def attempts(self) -> dict[UUID, list[str]]:
        found: dict[UUID, list[str]] = defaultdict(list)
        for stage, outcome in StageAttempt.objects.order_by("start").values_list("stage", "outcome"):
            found[stage].append(outcome)
        return found

    @cached_property
    def uncounted(self) -> Counter[UUID]:
        """How many starts of each stage were lost before their manager was told of them: those count as no loss."""
        lost = StageAttempt.objects.filter(outcome=AttemptOutcome.LOST, message__contains="before it was told of")
        return Counter(lost.values_list("stage", flat=True))

    def all_stages(self) -> list[TaskStage]:
        return [stage for kind in (self.stages, self.finallies) for stages in kind.values() for stage in stages]

    def where(self, stage: TaskStage) -> str:
        task = self.tasks[stage.task_id]
        handler = stage.handler.rpartition(".")[2]
        return f"{task} ({task.state}, {task.uuid}), stage {stage.order} {handler} ({stage.state}, {stage.uuid})"


def violations(figures: Counter[str]) -> list[str]:
    """Return a sentence for each thing that may never happen and did; count what was looked at."""
    rows = Rows()
    states = Counter(stage.state for stage in rows.all_stages())
    figures.update({f"stages {state}": count for state, count in states.items()})
    figures["tasks"], figures["stages"] = len(rows.tasks), sum(states.values())
    checks = (_at_rest, _consistent, _finallies, _joins, _joined, _written, starts.alone, starts.told)
    return [words for check in checks for words in check(rows, figures)]


def _at_rest(rows: Rows, figures: Counter[str]) -> Iterator[str]:
    """Every task has ended, and nobody works any more."""
    for task in rows.tasks.values():
        left = {name: getattr(task, name) for name in ("claimable", "closing", "active", "due", "unique_open")}
        if task.state not in FINAL or task.finished_at is None or any(left.values()):
            yield f"{task} ({task.uuid}) is {task.state}, ended at {task.finished_at}, with {left}"
    for stage in rows.all_stages():
        if stage.state not in FINAL or stage.token or stage.manager:
            yield f"{rows.where(stage)} is open: token {stage.token}, manager {stage.manager}, due {stage.due}"
    if living := list(ManagerProcess.objects.filter(stopped_at=None).values_list("uuid", "pid")):
        yield f"these managers count as alive: {living}"
    if not nodes["default"].task_query.is_drained():
        yield "the node is not drained"


def _consistent(rows: Rows, figures: Counter[str]) -> Iterator[str]:
    try:
        assert_consistent()
    except AssertionError as error:
        yield f"the rows are not consistent: {error}"


def _finallies(rows: Rows, figures: Counter[str]) -> Iterator[str]:
    """Every task that has a finally has it once, and it ran."""
    for task in rows.tasks.values():
        wanted = task.stored_options.finally_ is not None
        found = rows.finallies[task.uuid]
        if len(found) != wanted:
            yield f"{task} ({task.uuid}) has {len(found)} finally stages and not {int(wanted)}"
        for stage in found:
            figures["finallies"] += 1
            ran = starts.of(stage)
            if stage.state not in (State.SUCCESS, State.ERROR) or not ran:
                yield f"{rows.where(stage)} is no end of a finally, of which {len(ran)} starts were seen"
            elif ran[-1].ends and stage.state == State.SUCCESS and ran[-1].ends != [task.state]:
                yield f"{rows.where(stage)} was told of another end: {ran[-1]}"


def _joins(rows: Rows, figures: Counter[str]) -> Iterator[str]:
    """A stage that waited ended as its nested task did, with the counts of that."""
    for stage in rows.all_stages():
        if not stage.waited or stage.started_at is None or not rows.nested[stage.uuid]:
            continue
        figures["joins"] += 1
        nested = rows.nested[stage.uuid][-1]
        wanted = State.CANCELED if nested.state == State.CANCELED else State.SUCCESS
        if nested.state == State.ERROR and nested.stops:
            wanted = State.ERROR
        counts = Counter(row.state for row in rows.stages[nested.uuid])
        names = {"success": "SUCCESS", "error": "ERROR", "canceled": "CANCELED", "skipped": "SKIPPED"}
        found = {"total": sum(counts.values()), **{name: counts[state] for name, state in names.items()}}
        if stage.state != wanted or stage.response_value != found:
            yield f"{rows.where(stage)} holds {stage.response}, its nested task {nested.uuid} is {nested.state} {found}"


def _joined(rows: Rows, figures: Counter[str]) -> Iterator[str]:
    """What the stage after a wait saw is what the rows hold, now as then, and it went on once for each wait."""
    for stage in rows.all_stages():
        if not stage.handler.endswith(".Join") or stage.state != State.SUCCESS:
            continue
        figures["joins read"] += 1
        before = rows.stages[stage.task_id][stage.order - 1]
        nested = rows.nested[before.uuid]
        waited = before.waited and nested
        wanted = {
            "before": str(before.uuid), "state": before.state, "found": _expected(rows, nested[-1]) if waited else None,
        }  # fmt: skip
        seen = stage.response_value
        if seen["found"] is None and seen["state"] in FAILED and before.finished_at > stage.finished_at:
            continue  # It was retried since, and what had succeeded after its failure stays.
        if seen != wanted:
            yield f"{rows.where(stage)} saw {seen}, the rows say {wanted}"
        if waited and described(NestedResults("default", nested[-1].uuid)) != wanted["found"]:
            yield f"{rows.where(stage)}: a second reading is not what the rows say, {wanted['found']}"
        went_on = stage.start - len(rows.attempts[stage.uuid]) - starts.unseen(stage)
        if went_on > 1 + rows.retries[rows.tasks[stage.task_id].root_id]:
            yield f"{rows.where(stage)} went on {went_on} times after one wait"


def _expected(rows: Rows, task: Task) -> dict[str, Any]:
    stages = rows.stages[task.uuid]
    success = [
        _expected(rows, rows.nested[row.uuid][-1]) if row.waited and rows.nested[row.uuid] else row.response_value
        for row in stages
        if row.state == State.SUCCESS
    ]
    failure = [str(row.uuid) for row in stages if row.state in FAILED]
    return {
        "task": str(task.uuid),
        "success": success,
        "failure": failure,
        "stages": [[str(row.uuid), row.state] for row in stages],
        "counts": [len(success), len(failure), len(stages)],
    }


def _written(rows: Rows, figures: Counter[str]) -> Iterator[str]:
    """An atomic stage that succeeded has its row, once; one that did not has none, but for what it kept before."""
    written: dict[UUID, Counter[str]] = defaultdict(Counter)
    for key, what in Row.objects.values_list("stage", "what"):
        written[key][what] += 1
    for stage in rows.all_stages():
        found, handler = written.pop(stage.uuid, Counter()), stage.handler.rpartition(".")[2]
        wanted: Counter[str] = Counter()
        if handler in ("Writes", "WritesAgain", "Halves"):
            wanted["whole"] = int(stage.state == State.SUCCESS)
            wanted["half"] = int(handler == "Halves" and bool(stage.cursor))
        elif handler == "WritesFan":
            # Each time that it began to wait, the task and the row came together.
            wanted["fan"] = len(rows.nested[stage.uuid])
        figures["atomic rows"] += found.total()
        if found != wanted:
            yield f"{rows.where(stage)} has the rows {dict(found)} and not {dict(wanted)}"
    for key, found in written.items():
        yield f"there are rows {dict(found)} of a stage {key} that is not there"
