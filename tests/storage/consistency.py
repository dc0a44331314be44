"""What must hold of the rows between any two transactions, whatever happened before."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from django_tasks_poc.models import Kind, Task, TaskStage
from django_tasks_poc.states import FINAL, State

_COUNTED = ("RUNNING", "WAITING", "SUCCESS", "ERROR", "CANCELED", "SKIPPED")
_STOPPED = (State.PAUSED, State.PROMISED)


def assert_consistent() -> None:
    """Hold every task and stage of the database to the rules, and name the one that breaks one."""
    tasks = {task.uuid: task for task in Task.objects.all()}
    stages: dict[UUID, list[TaskStage]] = {uuid: [] for uuid in tasks}
    finallies: dict[UUID, TaskStage] = {}
    nested: dict[UUID, list[Task]] = {}
    for row in TaskStage.objects.order_by("order"):
        if row.kind == Kind.FINALLY:
            assert row.task_id not in finallies, f"{row} is a second finally"
            finallies[row.task_id] = row
        else:
            stages[row.task_id].append(row)
    for task in tasks.values():
        if task.parent_stage_id is not None and task.state != State.PROMISED:
            nested.setdefault(task.parent_stage_id, []).append(task)
    for task in tasks.values():
        if tasks[task.root_id].purging:
            continue  # It may be half deleted.
        mine = stages[task.uuid]
        above = tasks[TaskStage.objects.get(uuid=task.parent_stage_id).task_id] if task.parent_stage_id else None
        where = f"task {task.title!r} ({task.state}, depth {task.depth})"
        _assert_counters(where, task, mine)
        _assert_state(where, task, mine, finallies.get(task.uuid))
        _assert_place(where, task, above)
        for row in mine:
            _assert_stage(f"stage {row.order} ({row.state}) of {where}", task, row, nested.get(row.uuid, []))
        _assert_found_by_claim(where, task, mine, finallies.get(task.uuid))


def _assert_counters(where: str, task: Task, stages: list[TaskStage]) -> None:
    if task.state == State.PROMISED:
        return  # It may be half built, or half deleted.
    rows = Counter(row.state for row in stages)
    counted = {name: getattr(task, f"{name.lower()}_count") for name in _COUNTED}
    assert counted == {name: rows[name] for name in _COUNTED}, where
    assert task.total_count == len(stages), where
    assert task.open_count == sum(row.state not in FINAL for row in stages), where


def _assert_state(where: str, task: Task, stages: list[TaskStage], finally_: TaskStage | None) -> None:
    if task.finished_at is not None:
        assert task.state in FINAL, f"{where} ended"
        assert all(row.state in FINAL for row in stages), f"{where} ended with an open stage"
        assert task.unique_open is None, f"{where} ended and holds its unique key"
        assert (finally_ is not None) == (task.stored_options.finally_ is not None), f"{where}: its finally"
        assert task.active == (finally_ is not None and finally_.state not in FINAL), f"{where}: active"
        return
    # A task that was opened again keeps the row of its finally, which runs again at the next end.
    assert finally_ is None or finally_.state in FINAL, f"{where} has a finally before its end"
    assert task.active, f"{where} is open and not active"
    if task.state not in _STOPPED:
        assert task.open_count or task.closing, f"{where} has no open stage and did not end"
    if task.state not in FINAL and task.state not in _STOPPED:
        assert task.state == task.open_state, where
    if task.state in FINAL:
        # Only a cancel comes before the end.
        assert task.state == State.CANCELED, where
        ready = [row for row in stages if row.state in (State.READY, State.PAUSED)]
        assert task.closing or not ready, f"{where} has {len(ready)} stages that nobody will close"


def _assert_place(where: str, task: Task, above: Task | None) -> None:
    assert (task.pause_root is not None) == (task.state == State.PAUSED), f"{where}: pause_root"
    if above is None:
        assert task.root_id == task.uuid, where
        assert task.depth == 0, where
        return
    assert task.root_id == above.root_id, where
    assert task.depth == above.depth + 1, where
    if task.state != State.PROMISED and task.state not in FINAL:
        assert above.state not in FINAL, f"{where} is open below a {above.state} task"
        if above.state == State.PAUSED:
            assert task.state == State.PAUSED, f"{where} goes on below a paused task"


def _assert_stage(where: str, task: Task, row: TaskStage, nested: list[Task]) -> None:
    assert (row.token is not None) == (row.state == State.RUNNING), f"{where}: token"
    assert (row.manager is not None) == (row.state == State.RUNNING), f"{where}: manager"
    assert (row.finished_at is not None) == (row.state in FINAL), f"{where}: finished_at"
    going = [task for task in nested if task.finished_at is None]
    if row.state == State.WAITING:
        assert len(going) == 1, f"{where} waits for {len(going)} tasks"
    else:
        assert not going, f"{where} went on before its nested task ended"
    if row.state == State.PAUSED:
        assert task.state == State.PAUSED or task.closing, f"{where} is paused in a task that is not"
    if task.state == State.PROMISED:
        assert row.state == State.READY, f"{where} began"


def _assert_found_by_claim(where: str, task: Task, stages: list[TaskStage], finally_: TaskStage | None) -> None:
    """Hold the columns that the claim reads to the stages that may be claimed."""
    if finally_ is not None and finally_.state == State.READY:
        assert task.position == finally_.order, f"{where}: its finally is out of the claim's sight"
        _assert_awake(where, task, [finally_])
        return
    if task.state in _STOPPED or task.state in FINAL:
        assert not (task.claimable and task.state == State.PROMISED), f"{where} is claimable"
        return
    ready = [row for row in stages if row.state == State.READY]
    if not task.parallel:
        first = next((row for row in stages if row.state not in FINAL), None)
        ready = [first] if first is not None and first.state == State.READY else []
        assert not ready or task.closing or task.position == ready[0].order, f"{where}: its next stage is out of sight"
    if task.closing:
        ready = [row for row in ready if row.started_at is not None]
    lost = [row.order for row in ready if task.parallel and row.due is None and row.order < task.position]
    assert not lost, f"{where}: stages {lost} are behind the position {task.position}"
    if ready and task.room != 0:
        _assert_awake(where, task, ready)


def _assert_awake(where: str, task: Task, ready: list[TaskStage]) -> None:
    if task.claimable:
        return
    assert task.due is not None, f"{where}: stage {ready[0].order} may be claimed and nobody will look"
    if task.started_at is not None:
        dues = [row.due for row in ready]
        assert None not in dues, f"{where}: a stage that is due now is looked at only at {task.due}"
        assert task.due <= min(due for due in dues if due), f"{where}: looked at too late"
