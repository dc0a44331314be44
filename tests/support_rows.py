"""Many rows by one statement, for tests of what must not grow with their number."""

from __future__ import annotations

import itertools
from typing import Any

from django.db import connection

from django_tasks_poc.models import Task, TaskStage

_DIGIT = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
_NUMBERS = "a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n + 100000 * f.n"
_UUID = {
    "sqlite": "printf('%%032x', {})",
    "postgresql": "lpad(to_hex({}), 32, '0')::uuid",
    "mysql": "lpad(hex({}), 32, '0')",
}
_used = itertools.count(1)


def add_stages(task: Task, count: int, **values: Any) -> None:
    """Add up to a million stages behind the last one, like the first one but for these values; keep the counters."""
    quote = connection.ops.quote_name
    first = TaskStage.objects.filter(task=task).order_by("order").values_list("uuid", flat=True)[0]
    behind = TaskStage.objects.filter(task=task).count()
    # Primary keys of their own, far below those of any real time.
    base = next(_used) * 1_000_000
    chosen, params = [], []
    for field in TaskStage._meta.concrete_fields:
        if field.name == "uuid":
            chosen.append(_UUID[connection.vendor].format(f"number + {base}"))
        elif field.name == "order":
            chosen.append(f"number + {behind}")
        elif field.name in values:
            chosen.append("%s")
            params.append(field.get_db_prep_save(values[field.name], connection))
        else:
            chosen.append(f"t.{quote(field.column)}")
    columns = ", ".join(quote(field.column) for field in TaskStage._meta.concrete_fields)
    digits = ", ".join(f"({_DIGIT}) AS {name}" for name in "abcdef")
    key = TaskStage._meta.pk.get_db_prep_value(first, connection)
    table = quote(TaskStage._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {', '.join(chosen)} "
            f"FROM {table} AS t, (SELECT {_NUMBERS} AS number FROM {digits}) AS numbers "
            f"WHERE t.uuid = %s AND number < {count}",
            [*params, key],
        )
    keep_counters(task)


def keep_counters(task: Task) -> None:
    """Set the task's counters to what its rows say."""
    rows = TaskStage.objects.filter(task=task)
    counts = {
        f"{state}_count": rows.filter(state=state.upper()).count()
        for state in ("running", "waiting", "success", "error", "canceled", "skipped")
    }
    ended = sum(counts[f"{state}_count"] for state in ("success", "error", "canceled", "skipped"))
    total = rows.count()
    Task.objects.filter(uuid=task.uuid).update(total_count=total, open_count=total - ended, **counts)
