"""What a manager costs that has nothing to do, while the tables hold what was done before."""

from __future__ import annotations

import time

from django.db import connections

from django_tasks_poc.models import Task, TaskStage
from django_tasks_poc.node import nodes

from . import history, managers, processes
from .report import Figure

#: Finished stages of one task, and finished tasks of one stage.
STAGES, TASKS = 100_000, 10_000
#: Seconds until a manager that ran a stage counts as idle, and that are measured.
_SETTLE, SECONDS = 5.0, 20.0
#: Percent of a core that the manager and its fork server must stay below.
BOUND = 1.0
#: Rows that sequential scans of the two large tables must stay below: one scan reads more.
ROWS = 1_000.0


def measure(node: str) -> list[Figure]:
    history.fan_out(node, STAGES)
    history.roots(node, TASKS)
    history.tidy(node)
    _check_scans_show(node)
    with managers.running(node) as manager:
        time.sleep(_SETTLE)
        pairs = [_watch(manager) for _ in range(managers.REPEAT)]
        manager.run_one()
    cpu, rows = map(list, zip(*pairs, strict=True))
    figures = [Figure("idle", "CPU of manager and fork server", node, "%", cpu).must_be_below(BOUND)]
    if nodes[node].vendor == "postgresql":
        name = f"rows read by sequential scans in {SECONDS:.0f} s"
        figures.append(Figure("idle", name, node, "rows", rows).must_be_below(ROWS))
    return figures


def _watch(manager: managers.Manager) -> tuple[float, float]:
    """Return the percent of a core that an idle manager took, and the rows that were scanned meanwhile."""
    family = processes.family(manager.pid)
    rows, cpu, began = _scanned(manager.node), sum(map(processes.cpu, family)), time.perf_counter()
    time.sleep(SECONDS)
    if processes.family(manager.pid) != family or len(family) < 2:
        raise managers.Failed("The processes of the manager changed while it was idle.")
    percent = 100 * (sum(map(processes.cpu, family)) - cpu) / (time.perf_counter() - began)
    return percent, _scanned(manager.node) - rows


def _check_scans_show(node: str) -> None:
    """Scan a table and raise Failed unless that is seen: no scans is what is hoped for."""
    before, connection = _scanned(node), connections[nodes[node].database]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(title) FROM {Task._meta.db_table}")
        if _scanned(node) - before < TASKS:
            raise managers.Failed("PostgreSQL does not tell of sequential scans; is track_counts off?")


def _scanned(node: str) -> float:
    """Return how many rows sequential scans of the two large tables read so far, as far as it was told.

    A server process of PostgreSQL tells it behind a query when it last did so a second ago, or when it has been idle
    for some seconds.
    """
    connection = connections[nodes[node].database]
    if connection.vendor != "postgresql":
        return 0.0
    tables = [Task._meta.db_table, TaskStage._meta.db_table]
    with connection.cursor() as cursor:
        # Of what this process did itself, all is told.
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname = ANY(%s)", [tables])
        return float(cursor.fetchone()[0])
