"""Retrying what failed in a task that ended: nothing is built twice, and what succeeded stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q

from ...exceptions import TaskBusy
from ...models import Kind, Task, TaskStage
from ...models.stage import COUNTS, StageQuerySet
from ...models.task import TaskQuerySet
from ...outcomes import VerbResult
from ...states import FAILED, FINAL, State
from ...texts import one_line
from .build import take_key
from .writer import Writer


@dataclass
class _Plan:
    """The tasks to be opened, each with those of its stages that wait again."""

    tasks: dict[UUID, list[UUID]] = field(default_factory=dict)

    def add(self, task: UUID, *stages: UUID) -> None:
        self.tasks.setdefault(task, []).extend(stages)


def retry_tree(writer: Writer, uuid: UUID) -> VerbResult:
    """Open a task that ended, what failed in and below it, and all above it; the root is locked.

    Raises TaskBusy while a stage is at work that would have to wait for the retry.
    """
    if writer.tasks[uuid].finished_at is None:
        return VerbResult()
    plan = _plan(writer.alias, writer.tasks[uuid])
    if not plan.tasks:
        return VerbResult()
    # Deeper rows after higher ones: the order of all locks.
    writer.lock_trees([], plan.tasks)
    inside, above = set(plan.tasks), _way_up(writer, writer.tasks[uuid])
    for task, stage in above:
        plan.add(task.uuid, stage)
    opened = sum(writer.task(key).finished_at is not None for key in plan.tasks)
    stages = sum(
        _reopen(writer, writer.tasks[key], waiting, failures=key in inside) for key, waiting in plan.tasks.items()
    )
    for task, _ in above:
        if task.state == State.PAUSED:
            for key in inside:
                writer.move_task(writer.tasks[key], State.PAUSED)
                writer.tasks[key].pause_root = task.pause_root
            break
    return VerbResult(opened, stages)


def _plan(alias: str, top: Task) -> _Plan:
    """Go down from ``top`` to every failure; in a sequential task only the first wait counts: later stages run anew."""
    below: dict[UUID, list[tuple[int, UUID, UUID, bool]]] = defaultdict(list)
    holding = {top.uuid} if top.failed_count else set()
    nested = waited_for(Task.objects.using(alias).filter(root=top.root_id, depth__gt=0)).order_by("-depth")
    columns = ("uuid", "parent_stage", "parent_stage__order", "parent_stage__task", "parent_stage__task__parallel")
    for uuid, stage, order, task, parallel, failed in nested.values_list(
        *columns, F("error_count") + F("canceled_count")
    ):
        if failed or uuid in holding:
            holding.add(task)
            below[task].append((order, stage, uuid, parallel))
    plan = _Plan()
    pending = [top.uuid] if top.uuid in holding else []
    while pending:
        task = pending.pop()
        chosen = sorted(below[task])
        if chosen and not chosen[0][3]:
            chosen = chosen[:1]
        plan.add(task, *(stage for _, stage, _, _ in chosen))
        pending += [uuid for _, _, uuid, _ in chosen]
    return plan


def waited_for(nested: TaskQuerySet) -> TaskQuerySet:
    """Leave out what stages that were run anew have waited for before."""
    later = Task.objects.filter(parent_stage=OuterRef("parent_stage"), uuid__gt=OuterRef("uuid"))
    newest = nested.visible().filter(~Exists(later.exclude(state=State.PROMISED)))
    return newest.filter(parent_stage__state__in=FINAL, parent_stage__response__startswith=COUNTS)


def _way_up(writer: Writer, top: Task) -> list[tuple[Task, UUID]]:
    """Return the tasks above ``top``, each with its stage on the way; refuse what ends by a cancel or was replaced."""
    way, task = [], top
    while task.parent_stage_id is not None:
        stage, nested = task.parent_stage_id, task
        task = writer.task(TaskStage.objects.using(writer.alias).values_list("task", flat=True).get(uuid=stage))
        if task.finished_at is None and State(task.state).is_final:
            raise TaskBusy(task.uuid, f"Task “{one_line(task.title)}” is being canceled; retry when it has ended.")
        if nested.finished_at and not waited_for(Task.objects.using(writer.alias).filter(uuid=nested.uuid)).exists():
            raise TaskBusy(
                stage,
                f"Task “{one_line(nested.title)}” counts no more: the stage that waited for it runs anew, or did. "
                f"Retry “{one_line(task.title)}”.",
            )
        way.append((task, stage))
    return way


def _reopen(writer: Writer, task: Task, waits: Collection[UUID], *, failures: bool) -> int:
    """Open a task: the stages in ``waits`` wait again, those after them and the failed ones are to run."""
    rows = TaskStage.objects.using(writer.alias).filter(task=task)
    stages = rows.filter(kind=Kind.STAGE)
    waiting = stages.filter(uuid__in=list(waits))
    again = Q(state__in=FAILED) if failures else Q(pk__in=[])
    first = waiting.order_by("order").values_list("order", flat=True).first()
    if first is not None and not task.parallel:
        _refuse_if(stages.filter(order__gt=first, state__in=[State.RUNNING, State.WAITING]), task)
        again |= Q(order__gt=first)
    _refuse_if(rows.filter(kind=Kind.FINALLY, state=State.RUNNING), task)
    to_run = stages.filter(again, state__in=FINAL).exclude(uuid__in=list(waits))
    moved = _move(writer, task, to_run, State.READY) + _move(writer, task, waiting, State.WAITING)
    # It runs once more when the task ends again.
    rows.filter(kind=Kind.FINALLY).update(state=State.CANCELED, due=None, finished_at=writer.now)
    _open(writer, task, stages)
    return moved


def _refuse_if(busy: StageQuerySet, task: Task) -> None:
    if (stage := busy.values_list("uuid", flat=True).first()) is not None:
        raise TaskBusy(
            stage, f"Stage {stage} of task “{one_line(task.title)}” is at work and would have to wait for the retry."
        )


def _move(writer: Writer, task: Task, rows: StageQuerySet, state: State) -> int:
    """Move stages that ended back to an open state, in one statement, and keep the task's counters."""
    ended = rows.filter(state__in=FINAL)
    counts = dict(ended.order_by().values_list("state").annotate(Count("pk")))
    for old, count in counts.items():
        writer.check_move(State(old), state)
        writer.count(task, State(old), -count)
        writer.count(task, state, count)
    anew: dict[str, Any] = {}
    if state == State.READY:
        anew = {"started_at": None, "due": writer.now, "response": "", "response_type": ""}
    ended.update(state=state, finished_at=None, lost=0, attempt_base=F("attempt"), **anew)
    return sum(counts.values())


def _open(writer: Writer, task: Task, stages: StageQuerySet) -> None:
    task.finished_at, task.active, task.closing, task.claimable = None, True, False, False
    task.message, task.response, task.response_type = "", "", ""
    if not task.parallel:
        unfinished = stages.exclude(state__in=FINAL).order_by("order").values_list("order", flat=True)
        task.position = unfinished.first() or 0
    if State(task.state).is_final:
        writer.move_task(task, task.open_state)
    if task.unique_key and task.depth == 0:
        take_key(writer.alias, task)
    writer.touch(task)
    if task.ready_count:
        writer.wake(task)
