"""What must hold in the database: at any instant, and when everything has ended."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from django_tasks_poc import State
from django_tasks_poc.models import AttemptOutcome, Kind, ManagerProcess, StageAttempt, Task, TaskEvent, TaskStage
from django_tasks_poc.node import nodes
from django_tasks_poc.states import FINAL, OPEN

from .handlers import Witness
from .scenario import ALONE, OLD, TASKS, refusal_of

MODELS = (StageAttempt, TaskEvent, TaskStage, Task, ManagerProcess, Witness)
TASK_FACTS = (
    "title", "state", "message", "response", "depth", "total_count", "success_count", "error_count",
    "canceled_count", "skipped_count", "parallel", "shared",
)  # fmt: skip
STAGE_FACTS = (
    "handler", "kind", "state", "message", "response", "response_type", "error_class", "error_message",
    "attempt", "cursor", "params",
)  # fmt: skip


def clean() -> None:
    """Empty the tables."""
    with connection.constraint_checks_disabled(), transaction.atomic(), connection.cursor() as cursor:
        for model in MODELS:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")


def snapshot() -> dict[str, Any]:
    """Return what the trees came to, without what differs between two runs: keys, times, lost starts."""
    facts: dict[str, Any] = {"witnesses": dict(sorted(_exact_witnesses().items()))}
    paths: dict[UUID | None, str] = {}
    stages: dict[UUID, list[TaskStage]] = defaultdict(list)
    for stage in TaskStage.objects.order_by("order"):
        stages[stage.task_id].append(stage)
    for task in Task.objects.order_by("depth", "uuid"):
        path = f"{paths.get(task.parent_stage_id, '')}/{task.title}"
        assert path not in facts, f"there are two tasks {path}"
        facts[path] = {name: getattr(task, name) for name in TASK_FACTS}
        for stage in stages[task.uuid]:
            paths[stage.uuid] = f"{path}/{stage.order}"
            facts[paths[stage.uuid]] = {name: getattr(stage, name) for name in STAGE_FACTS}
    lives = StageAttempt.objects.exclude(outcome=AttemptOutcome.LOST).values_list("stage", "outcome", "attempt")
    events = TaskEvent.objects.values_list("task__title", "verb", "by", "reason")
    facts["events"] = sorted(" ".join(event) for event in events)
    facts["attempts"] = sorted(f"{paths[stage]} {outcome} of attempt {attempt}" for stage, outcome, attempt in lives)
    return facts


def _exact_witnesses() -> Counter[str]:
    """Count what is done exactly once; of a finally, which may run again, only that it did."""
    names = Witness.objects.values_list("name", flat=True)
    counts = Counter(names)
    return Counter({name: 1 if name.startswith("finally") else count for name, count in counts.items()})


def differences(wanted: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    """Say where two snapshots differ."""
    for key in sorted(wanted.keys() | found.keys()):
        if wanted.get(key) != found.get(key):
            yield f"{key} is {found.get(key)}, without a crash {wanted.get(key)}"


def always() -> Iterator[str]:
    """Yield what does not hold that must hold at any instant."""
    rows: dict[UUID, Counter[str]] = defaultdict(Counter)
    for key, state in TaskStage.objects.filter(kind=Kind.STAGE).values_list("task", "state"):
        rows[key][state] += 1
    for task in Task.objects.select_related("parent_stage", "root"):
        if task.state == State.PROMISED or task.root.purging:
            continue
        yield from _counters(task, rows[task.uuid])
        if task.parent_stage is not None:
            # The end of a nested task and the move of its parent stage are one transaction.
            waits, ended = task.parent_stage.state == State.WAITING, task.finished_at is not None
            if waits == ended:
                yield f"{task} is {task.state}, ended: {ended}, and its parent stage is {task.parent_stage.state}"
        elif (task.unique_open is None) != (task.finished_at is not None):
            yield f"{task} is {task.state} and its unique key is {task.unique_open}"
    for stage in TaskStage.objects.filter(task__root__purging=False):
        if stage.waited and not stage.nested_tasks.visible().exists():
            yield f"stage {stage} of {stage.task} waited for a task that is gone"
    yield from _builds()


def _builds() -> Iterator[str]:
    rows = set(Witness.objects.filter(name__startswith="build ").values_list("name", flat=True))
    built = {task.title: task for task in Task.objects.roots() if not task.purging}
    for title, steps in TASKS.items():
        is_there = title in built or (title == OLD and f"build {title}" in rows)  # or was purged
        if title != ALONE and (f"build {title}" in rows) != is_there:
            yield f"task {title} and the row of its builder are not there together"
        if title in built and built[title].total_count != len(steps):
            yield f"task {title} has {built[title].total_count} stages of {len(steps)}"


def _counters(task: Task, rows: Counter[str]) -> Iterator[str]:
    wanted = {f"{state.lower()}_count": rows[state] for state in (*FINAL, State.RUNNING, State.WAITING)}
    wanted |= {"open_count": sum(rows[state] for state in OPEN), "total_count": sum(rows.values())}
    for name, count in wanted.items():
        if getattr(task, name) != count:
            yield f"{name} of {task} is {getattr(task, name)}, its rows say {count}"


def unique_keys() -> Iterator[str]:
    """Yield the open roots that do not keep a second one from being built."""
    for task in Task.objects.roots().filter(finished_at=None):
        refused = refusal_of(task.title)
        if refused is None or refused.uuid != task.uuid:
            yield f"a second {task.title} beside {task.uuid} was answered with {refused!r}"


def in_the_end() -> Iterator[str]:
    """Yield what does not hold that must hold when a manager has come to rest."""
    yield from always()
    for task in Task.objects.filter(title__in=(OLD, "leaves")):
        yield f"{task} was to be purged"
    for task in Task.objects.all():
        left = {name: getattr(task, name) for name in ("claimable", "closing", "active", "due", "unique_open")}
        if task.state not in FINAL or task.finished_at is None or any(left.values()):
            yield f"{task} is {task.state}, ended at {task.finished_at}, with {left}"
    losses = Counter(StageAttempt.objects.filter(outcome=AttemptOutcome.LOST).values_list("stage", flat=True))
    retried = set(TaskEvent.objects.filter(verb="retry").values_list("task__root", flat=True))
    for stage in TaskStage.objects.select_related("task"):
        if stage.state not in FINAL or stage.finished_at is None or stage.token or stage.manager:
            yield f"stage {stage} of {stage.task} is {stage.state}, token {stage.token}, manager {stage.manager}"
        if stage.kind == Kind.FINALLY and stage.state != State.SUCCESS:
            yield f"{stage} of {stage.task} ended {stage.state}: {stage.message}"
        # With a retry the count of losses begins anew; the post-mortems stay.
        if losses[stage.uuid] != stage.lost and stage.task.root_id not in retried:
            yield f"stage {stage} of {stage.task} was lost {stage.lost} times, with {losses[stage.uuid]} post-mortems"
    if alive := ManagerProcess.objects.filter(stopped_at=None).count():
        yield f"{alive} managers count as alive"
    if not nodes["default"].task_query.is_drained():
        yield "the node is not drained"
    if (refused := refusal_of("main")) is not None:
        yield f"a second task after the first has ended was refused: {refused}"
