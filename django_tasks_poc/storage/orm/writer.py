"""The one writer of states: what a transaction changes is gathered here, checked, and written at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
from django.db import connections
from django.db.models import F

from ...channels import channel
from ...exceptions import UnreadableRow, WriteConflict
from ...models import Kind, StageAttempt, Task, TaskStage
from ...states import State, may_move
from ..values import Recorded
from . import clock
from .bulk import update_rows
from .locks import ancestors, lock_roots, lock_tasks, open_subtree

_TASK_COLUMNS = (
    "state", "message", "response", "response_type",
    "claimable", "due", "turn", "position", "closing", "active",
    "open_count", "running_count", "waiting_count",
    "success_count", "error_count", "canceled_count", "skipped_count",
    "pause_root", "unique_open", "started_at", "finished_at",
)  # fmt: skip
_STAGE_COLUMNS = (
    "state", "message", "response", "response_type", "error_class", "error_message", "traceback",
    "attempt", "lost", "token", "manager", "due", "finished_at", "duration", "cpu", "max_rss",
)  # fmt: skip

_START_COLUMNS = (
    "state", "token", "manager", "due", "finished_at", "progress", "start", "attempt", "started_at",
)  # fmt: skip
_task_values: Callable[[Task], tuple[Any, ...]] = attrgetter(*_TASK_COLUMNS)
_stage_values: Callable[[TaskStage], tuple[Any, ...]] = attrgetter(*_STAGE_COLUMNS)

#: The counter of each state; READY and PAUSED stages are open and nothing else.
_COUNTER = {
    State.RUNNING: "running_count",
    State.WAITING: "waiting_count",
    State.SUCCESS: "success_count",
    State.ERROR: "error_count",
    State.CANCELED: "canceled_count",
    State.SKIPPED: "skipped_count",
}


class Writer:
    """One transaction's view of locked tasks and their stages, and the moves to be written.

    Use: lock what will change, move stages and tasks, ``flush`` once.
    """

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.now: datetime = clock.now(alias)
        self.tasks: dict[UUID, Task] = {}
        #: Tasks whose tree is locked, so that they may end.
        self.trees: set[UUID] = set()
        #: The highest order of a stage that finished, by task.
        self.finished: dict[UUID, int] = {}
        self.recorded = Recorded()
        self._task_states: dict[UUID, State] = {}
        self._dirty: set[UUID] = set()
        #: Tasks of which something became claimable, now or at a later time.
        self._woken: set[UUID] = set()
        self._stages: dict[UUID, tuple[TaskStage, State, UUID | None]] = {}
        self._finallies: list[TaskStage] = []
        self._attempts: list[StageAttempt] = []

    # Locks.

    def lock(self, uuids: Iterable[UUID]) -> None:
        """Lock tasks whose own rows change. One in a state that nobody knows is left alone."""
        for uuid, task in lock_tasks(self.alias, uuids).items():
            if task.state in State.values:
                self.tasks[uuid] = task
                self._task_states[uuid] = State(task.state)

    def lock_trees(
        self, roots: Iterable[UUID], tasks: Iterable[UUID], others: Iterable[UUID] = (), whole: Iterable[UUID] = ()
    ) -> None:
        """Lock the roots, then tasks with all above them: what is needed to change the shape of trees.

        ``others`` are tasks that are locked for their own rows only (a root among them is one of ``roots``); of those
        in ``whole`` the open tasks below are locked too, as they are once the roots are locked.
        """
        roots, tasks, others, whole = set(roots), set(tasks), set(others), set(whole)
        if roots.issuperset(tasks | others) and not whole:
            # Roots alone, with nothing above them: locked in their order by one statement.
            trees = tasks
        else:
            lock_roots(self.alias, roots)
            below = [open_subtree(self.alias, task) for task in whole]
            trees = ancestors(self.alias, tasks.union(*below))
        self.lock(trees | others)
        self.trees |= trees

    def task(self, uuid: UUID) -> Task:
        """Return a locked task; raise UnreadableRow when it is left alone."""
        if uuid not in self.tasks:
            raise UnreadableRow(f"Task {uuid} is in a state that this version does not know; put it right first.")
        return self.tasks[uuid]

    # Moves.

    @staticmethod
    def check_move(old: State, new: State) -> None:
        """Refuse a move that the table does not have."""
        if not may_move(old, new):
            raise WriteConflict(f"Nothing may go from {old} to {new}.")

    def touch(self, task: Task) -> None:
        """Have the task's row written."""
        self._dirty.add(task.uuid)

    def move_task(self, task: Task, state: State) -> None:
        """Move a locked task to a state."""
        if task.state != state:
            self.check_move(State(task.state), state)
            task.state = state
        self.touch(task)

    def move_stage(self, task: Task, stage: TaskStage, state: State) -> None:
        """Move a stage of a locked task to a state and keep the task's counters."""
        old = State(stage.state)
        self.check_move(old, state)
        self.change_stage(stage)
        stage.state = state
        if state != State.RUNNING:
            stage.token = stage.manager = None
        stage.finished_at = self.now if state.is_final else None
        if stage.kind == Kind.STAGE:
            self.count(task, old, -1)
            self.count(task, state, 1)
        self.touch(task)

    def change_stage(self, stage: TaskStage) -> None:
        """Have the stage's row written, guarded by the state and token that it was read with."""
        self._stages.setdefault(stage.uuid, (stage, State(stage.state), stage.token))

    def changed(self) -> list[TaskStage]:
        return [stage for stage, _, _ in self._stages.values()]

    def mine(self, uuid: UUID) -> TaskStage | None:
        """Return the stage as this transaction has changed it, if it has."""
        changed = self._stages.get(uuid)
        return changed[0] if changed is not None else None

    def count(self, task: Task, state: State, delta: int) -> None:
        """Add to the counters of a task, which is written, for ``delta`` stages in a state."""
        if (counter := _COUNTER.get(state)) is not None:
            setattr(task, counter, getattr(task, counter) + delta)
        if not state.is_final:
            task.open_count += delta

    def add_finally(self, stage: TaskStage) -> None:
        self._finallies.append(stage)

    def add_attempt(self, attempt: StageAttempt) -> None:
        self._attempts.append(attempt)

    def wake(self, task: Task) -> None:
        """Mark the task as having something to claim now; resume does it for a paused one."""
        if task.state == State.PAUSED:
            return
        task.claimable = True
        self.touch(task)
        self._woken.add(task.uuid)

    def unwake(self, task: Task) -> None:
        """Take back that there is something to claim: this transaction claims it."""
        task.claimable = False
        self._woken.discard(task.uuid)

    def wake_at(self, task: Task, due: datetime) -> None:
        """Mark the task as having something to claim at ``due``."""
        if task.state == State.PAUSED:
            return
        if due <= self.now:
            self.wake(task)
            return
        task.due = due if task.due is None else min(task.due, due)
        self.touch(task)
        self._woken.add(task.uuid)

    def start_stages(self, stages: list[TaskStage], tokens: list[UUID], manager: UUID) -> None:
        """Move READY stages of locked tasks to RUNNING, each for one start under a token of its own."""
        rows = [
            (stage.uuid, State.READY, State.RUNNING, token, manager, None, None, "",
             stage.start + 1, stage.attempt + 1, stage.started_at or self.now)
            for stage, token in zip(stages, tokens, strict=True)
        ]  # fmt: skip
        update_rows(self.alias, TaskStage, _START_COLUMNS, rows, guards=("state",))

    def touched(self) -> list[Task]:
        return [self.tasks[uuid] for uuid in self._dirty]

    def finishing(self) -> list[UUID]:
        """Return the stages that this transaction moves to a final state."""
        return [uuid for uuid, (stage, _, _) in self._stages.items() if State(stage.state).is_final]

    # The end of the transaction.

    def flush(self) -> Recorded:
        """Write everything; raise WriteConflict when a row is not as it was read."""
        tasks = [self.tasks[uuid] for uuid in sorted(self._dirty, key=lambda uuid: (self.tasks[uuid].depth, uuid))]
        update_rows(
            self.alias, Task, _TASK_COLUMNS,
            [(task.uuid, self._task_states[task.uuid], *_task_values(task)) for task in tasks],
            guards=("state",),
        )  # fmt: skip
        changes = [self._stages[uuid] for uuid in sorted(self._stages)]
        update_rows(
            self.alias, TaskStage, _STAGE_COLUMNS,
            [(stage.uuid, state, token, *_stage_values(stage)) for stage, state, token in changes],
            guards=("state", "token"),
        )  # fmt: skip
        if self._finallies:
            self._write_finallies()
        if self._attempts:
            StageAttempt.objects.using(self.alias).bulk_create(self._attempts)
        self.recorded.wakes |= bool(self._woken)
        if self.recorded.wakes:
            notify(self.alias, {task.node for task in tasks})
        return self.recorded

    def _write_finallies(self) -> None:
        """Insert the finally stages of tasks that end; one that ended before and was retried has its row already."""
        rows = TaskStage.objects.using(self.alias).filter(kind=Kind.FINALLY)
        old = rows.filter(task__in=[stage.task_id for stage in self._finallies])
        known = set(old.values_list("task", flat=True))
        if known:
            old.update(state=State.READY, lost=0, attempt_base=F("attempt"), started_at=None, finished_at=None)
        rows.bulk_create([stage for stage in self._finallies if stage.task_id not in known])


def notify(alias: str, nodes: Iterable[str]) -> None:
    """Wake the managers of these nodes when the transaction commits; other databases are watched instead."""
    connection = connections[alias]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for node in sorted(nodes):
                cursor.execute("SELECT pg_notify(%s, '')", [channel(node)])


def counts_json(task: Task) -> str:
    """Return the task's counts of ended stages by state, as JSON text."""
    names = ("total", "success", "error", "canceled", "skipped")
    return msgspec.json.encode({name: getattr(task, f"{name}_count") for name in names}).decode()
