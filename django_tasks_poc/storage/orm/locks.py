"""The one order in which rows are locked: own manager row; tasks by (depth, uuid); stages by uuid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any
from uuid import UUID

from django.db import connections, models, transaction

from ...models import ManagerProcess, Task
from . import sqlite_lock
from .compiled import fetch
from .rows import read

#: All but the shared context, which may be large and is only handed on.
_TASK_COLUMNS = tuple(field.attname for field in Task._meta.concrete_fields if field.name != "shared")


@contextmanager
def writing(alias: str) -> Iterator[None]:
    """Open a transaction that writes; on SQLite it holds the writer lock from its first statement on."""
    with ExitStack() as stack:
        if connections[alias].vendor == "sqlite":
            stack.push(sqlite_lock.begin(alias))
        else:
            stack.enter_context(transaction.atomic(using=alias))
        yield


def single_write(alias: str) -> AbstractContextManager[None]:
    """Surround a write of one statement: it takes SQLite's lock in time, and is a transaction by itself elsewhere."""
    connection = connections[alias]
    return writing(alias) if connection.vendor == "sqlite" and not connection.in_atomic_block else nullcontext()


def locked(rows: models.QuerySet[Any], alias: str, *, skips: bool = False) -> models.QuerySet[Any]:
    """Lock the rows of a query, waiting for them; a foreign key to them may still be checked meanwhile.

    ``skips``: leave out those that others have locked, where the database can.
    """
    features = connections[alias].features
    if not features.has_select_for_update:
        return rows
    return rows.select_for_update(
        of=("self",) if features.has_select_for_update_of else (), no_key=features.has_select_for_no_key_update,
        skip_locked=skips and features.has_select_for_update_skip_locked,
    )  # fmt: skip


def lock_tasks(alias: str, uuids: Iterable[UUID]) -> dict[UUID, Task]:
    """Lock these tasks in order and return them as they are now."""

    def make(keys: Sequence[UUID]) -> models.QuerySet[Task]:
        return locked(Task.objects.using(alias).filter(uuid__in=keys).order_by("depth", "uuid"), alias)

    return {task.uuid: task for task in read(alias, "locked tasks", Task, _TASK_COLUMNS, list(set(uuids)), make)}


def is_alive(alias: str, manager: UUID) -> bool:
    """Lock the manager's own row, and say whether it lives."""

    def make(keys: Sequence[UUID]) -> models.QuerySet[Any]:
        rows = ManagerProcess.objects.using(alias).filter(uuid__in=keys, stopped_at__isnull=True)
        return locked(rows.values_list("uuid"), alias)

    return bool(fetch(alias, "living manager", [manager], make))


def lock_roots(alias: str, roots: Iterable[UUID]) -> None:
    """Lock the roots whose trees are about to change shape, in a statement of its own."""
    if connections[alias].features.has_select_for_update:
        rows = Task.objects.using(alias).filter(uuid__in=set(roots)).order_by("uuid")
        list(locked(rows, alias).values_list("uuid", flat=True))


def open_subtree(alias: str, uuid: UUID) -> set[UUID]:
    """Return the task and the open tasks below it, in one statement; PROMISED ones are left out."""
    connection = connections[alias]
    field = Task._meta.pk
    # Only a stage that waits has an open task below it.
    sql = """
        WITH RECURSIVE down(uuid) AS (
            SELECT uuid FROM django_tasks_poc_task WHERE uuid = %s
            UNION
            SELECT t.uuid FROM down
            JOIN django_tasks_poc_taskstage s ON s.task_id = down.uuid AND s.state = 'WAITING'
            JOIN django_tasks_poc_task t ON t.parent_stage_id = s.uuid AND t.state <> 'PROMISED'
        ) SELECT uuid FROM down"""
    with connection.cursor() as cursor:
        cursor.execute(sql, [field.get_db_prep_value(uuid, connection)])
        return {field.to_python(key) for (key,) in cursor.fetchall()}


def ancestors(alias: str, uuids: Iterable[UUID]) -> set[UUID]:
    """Return these tasks and all above them, in one statement."""
    keys = list(uuids)
    if not keys:
        return set()
    connection = connections[alias]
    field = Task._meta.pk
    marks = ", ".join(["%s"] * len(keys))
    sql = f"""
        WITH RECURSIVE up(uuid, parent_stage_id) AS (
            SELECT uuid, parent_stage_id FROM django_tasks_poc_task WHERE uuid IN ({marks})
            UNION
            SELECT t.uuid, t.parent_stage_id FROM up
            JOIN django_tasks_poc_taskstage s ON s.uuid = up.parent_stage_id
            JOIN django_tasks_poc_task t ON t.uuid = s.task_id
        ) SELECT DISTINCT uuid FROM up"""
    with connection.cursor() as cursor:
        cursor.execute(sql, [field.get_db_prep_value(key, connection) for key in keys])
        return {field.to_python(key) for (key,) in cursor.fetchall()}
