"""Claiming stages: first the tasks that have something to claim, then the first due stages of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from django.db import connections
from django.db.models import F, Min, QuerySet

from ...exceptions import ManagerLost, TaskBusy
from ...models import Kind, Task, TaskStage
from ...states import State
from ..values import Claim
from .locks import is_alive, writing
from .rows import read
from .starts import COLUMNS, take
from .writer import Writer

#: A claim looks at this many tasks at the most.
_TASKS = 100
_CLAIMABLE = frozenset({State.READY, State.RUNNING, State.WAITING})
#: In these a stage may begin, if only a finally; a state that nobody knows is not among them.
_NOT_HELD = frozenset(State) - {State.PROMISED, State.PAUSED}


def claim(alias: str, node: str, manager: UUID, limit: int, root: UUID | None = None) -> list[Claim]:
    """Claim up to ``limit`` stages of the node for a living manager; none means that there is none to claim now.

    With ``root`` it looks at the tasks of that root's tree only.
    """
    while True:
        looked_at, claims = _claim_once(alias, node, manager, limit, root)
        # Tasks that turned out to have nothing are no longer candidates: look at those that they stood before.
        if claims or not looked_at:
            return claims


def _claim_once(alias: str, node: str, manager: UUID, limit: int, root: UUID | None) -> tuple[int, list[Claim]]:
    with writing(alias):
        lock_manager(alias, manager)
        writer = Writer(alias)
        writer.lock(_candidates(writer, node, min(limit, _TASKS), root))
        _promote_due(writer)
        quotas = _share_out([task for task in writer.tasks.values() if task.claimable], limit)
        chosen = _choose(writer, quotas)
        claims = take(writer, chosen, manager)
        writer.flush()
        return len(writer.tasks), claims


def claim_one(alias: str, manager: UUID, uuid: UUID) -> Claim:
    """Claim one READY stage by name, whatever its turn."""
    with writing(alias):
        lock_manager(alias, manager)
        writer = Writer(alias)
        task_id = TaskStage.objects.using(alias).values_list("task", flat=True).get(uuid=uuid)
        writer.lock([task_id])
        task = writer.task(task_id)
        stage = TaskStage.objects.using(alias).get(uuid=uuid)
        if stage.state != State.READY:
            raise TaskBusy(uuid, f"Stage {uuid} is {stage.state}; only a READY one can be started.")
        if stage.kind == Kind.STAGE and (task.state not in _CLAIMABLE or task.closing or task.room == 0):
            raise TaskBusy(uuid, f"Task {task.uuid} is {task.state} and lets no further stage begin now.")
        if not task.parallel and stage.order != task.position:
            raise TaskBusy(uuid, f"Stage {uuid} is not the next one of its task.")
        position = task.position
        claims = take(writer, [stage], manager)
        task.position = position  # Stages before this one may not have been claimed.
        writer.wake(task)  # The next claim finds out what is left.
        writer.flush()
        return claims[0]


def lock_manager(alias: str, manager: UUID) -> None:
    """Lock the manager's own row; raise ManagerLost unless it lives."""
    if not is_alive(alias, manager):
        raise ManagerLost(f"Manager {manager} was declared dead; its stages were returned.")


def _candidates(writer: Writer, node: str, limit: int, root: UUID | None) -> list[UUID]:
    """Return the first claimable tasks, and some that are due by now; a later claim goes on with the others."""
    connection = connections[writer.alias]
    key, due = Task._meta.pk, Task._meta.get_field("due")
    mine = "" if root is None else "AND root_id = %s"
    tree = [] if root is None else [key.get_db_prep_value(root, connection)]
    # By hand, since SQLite finds no index for a bare boolean. Both are locked by one statement: rows are locked in one
    # order.
    sql = f"""
        SELECT uuid FROM (
            SELECT uuid FROM django_tasks_poc_task
            WHERE node = %s AND claimable = TRUE AND state IN ({_words(State)}) {mine}
            ORDER BY priority DESC, turn, age LIMIT {limit}
        ) AS claimable
        UNION ALL SELECT uuid FROM (
            SELECT uuid FROM django_tasks_poc_task
            WHERE node = %s AND due <= %s AND state IN ({_words(_NOT_HELD)}) {mine}
            ORDER BY due LIMIT {_TASKS}
        ) AS due"""
    with connection.cursor() as cursor:
        cursor.execute(sql, [node, *tree, node, due.get_db_prep_value(writer.now, connection), *tree])
        return [key.to_python(value) for (value,) in cursor.fetchall()]


def _words(states: Iterable[State]) -> str:
    return ", ".join(f"'{state.value}'" for state in sorted(states))


def _promote_due(writer: Writer) -> None:
    """Make claimable what is due by now."""
    for task in writer.tasks.values():
        if task.due is not None and task.due <= writer.now and task.state in _NOT_HELD:
            task.claimable, task.due = True, None
            writer.touch(task)


def _share_out(tasks: list[Task], limit: int) -> dict[UUID, int]:
    """Return how many stages each task may have: strict between priorities, in turns between equals."""
    quotas: dict[UUID, int] = {}
    for priority in sorted({task.priority for task in tasks}, reverse=True):
        wants = {}
        for task in sorted(tasks, key=lambda task: (task.turn, task.age)):
            if task.priority == priority:
                wants[task.uuid] = _appetite(task)
        while limit and any(wants.values()):
            hungry = [uuid for uuid, want in wants.items() if want]
            share = max(1, limit // len(hungry))
            for uuid in hungry:
                portion = min(share, wants[uuid], limit)
                quotas[uuid] = quotas.get(uuid, 0) + portion
                wants[uuid] -= portion
                limit -= portion
    return quotas


def _appetite(task: Task) -> int:
    if task.finished_at is not None:
        return int(task.active)
    if task.state not in _CLAIMABLE:
        return 0
    return task.ready_count if task.room is None else min(task.ready_count, task.room)


def _choose(writer: Writer, quotas: dict[UUID, int]) -> list[TaskStage]:
    """Return the due stages to be claimed, and note on each task whether there is more."""
    sequential: list[Task] = []
    parallel: list[Task] = []
    for task in writer.tasks.values():
        if quotas.get(task.uuid):
            (sequential if _is_one_by_one(task) else parallel).append(task)
        elif not _appetite(task):
            task.claimable = False
            writer.touch(task)
    chosen = []
    if sequential:
        for stage in _first(writer.alias, sequential):
            task = writer.tasks[stage.task_id]
            if stage.due is None or stage.due <= writer.now:
                chosen.append(stage)
            else:
                task.due = stage.due
        for task in sequential:
            task.claimable = False
            writer.touch(task)
    if parallel:
        keys = _first_due(writer, parallel, quotas)
        found = {stage.uuid: stage for stage in _stages(writer.alias, keys)}
        chosen += [found[key] for key in keys]
        _note_what_is_left(writer, parallel, [found[key] for key in keys], quotas)
    return chosen


def _first(alias: str, tasks: Iterable[Task]) -> Iterator[TaskStage]:
    """Read the stage of each task that is the next one, where it is READY."""

    def make(keys: Sequence[UUID]) -> QuerySet[TaskStage]:
        rows = TaskStage.objects.using(alias).filter(task__in=keys, order=F("task__position"))
        return rows.filter(state=State.READY)

    return read(alias, "first stages", TaskStage, COLUMNS, [task.uuid for task in tasks], make)


def _stages(alias: str, keys: Sequence[UUID]) -> Iterator[TaskStage]:
    def make(keys: Sequence[UUID]) -> QuerySet[TaskStage]:
        return TaskStage.objects.using(alias).filter(uuid__in=keys)

    return read(alias, "claimed stages", TaskStage, COLUMNS, keys, make)


def _is_one_by_one(task: Task) -> bool:
    return not task.parallel or task.finished_at is not None


def _first_due(writer: Writer, tasks: list[Task], quotas: dict[UUID, int]) -> list[UUID]:
    """Return the keys of the first due stages of each parallel task: those that came back, then those never claimed."""
    connection = connections[writer.alias]
    key, due = TaskStage._meta.pk, TaskStage._meta.get_field("due")
    parts, params = [], []
    order = connection.ops.quote_name("order")
    for task in tasks:
        limit = quotas[task.uuid]
        started = "AND started_at IS NOT NULL" if task.closing else ""
        rows = f"FROM django_tasks_poc_taskstage WHERE task_id = %s AND state = 'READY' {started}"
        back = f"SELECT uuid, 0 AS part, {order} AS place {rows} AND due <= %s ORDER BY due LIMIT {limit}"
        fresh = f"SELECT uuid, 1 AS part, {order} AS place {rows} AND due IS NULL AND {order} >= %s"
        both = f"SELECT * FROM ({back}) AS back UNION ALL "
        # By the whole index, null as ``due`` is: PostgreSQL would sort all that is ready before it has statistics.
        both += f"SELECT * FROM ({fresh} ORDER BY due, {order} LIMIT {limit}) AS fresh"
        first = f"SELECT uuid FROM ({both}) AS stage ORDER BY part, place LIMIT {limit}"
        parts.append(f"SELECT uuid FROM ({first}) AS mine")
        uuid = key.get_db_prep_value(task.uuid, connection)
        params += [uuid, due.get_db_prep_value(writer.now, connection), uuid, task.position]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), params)
        return [key.to_python(value) for (value,) in cursor.fetchall()]


def _note_what_is_left(writer: Writer, tasks: list[Task], found: list[TaskStage], quotas: dict[UUID, int]) -> None:
    counts: dict[UUID, int] = {}
    for stage in found:
        counts[stage.task_id] = counts.get(stage.task_id, 0) + 1
    short = []
    for task in tasks:
        writer.touch(task)
        if counts.get(task.uuid, 0) < quotas[task.uuid]:
            short.append(task)
        elif counts[task.uuid] >= _appetite(task):
            task.claimable = False
    if short:
        # What is left of these is due later, or nothing.
        rows = TaskStage.objects.using(writer.alias).filter(task__in=[task.uuid for task in short], state=State.READY)
        dues = dict(rows.filter(due__gt=writer.now).order_by().values_list("task").annotate(Min("due")))
        for task in short:
            task.claimable, task.due = False, dues.get(task.uuid)
