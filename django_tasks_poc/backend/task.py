"""A function of Django's tasks framework, with the limits that this package can keep."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

from ..entities import RetryPolicy
from ..exceptions import InvalidHandler
from ..serialization import import_path
from ..tasks_api import InvalidTask, Task
from ..words import is_seconds, short


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessTask(Task):  # type: ignore[type-arg]  # generic in the stubs alone
    """What ``@task`` makes on this backend.

    ``timeout`` is the seconds that an attempt may take (None: the node's), ``retry`` how often it is tried again.
    ``@task(timeout=…, retry=…)`` sets them on Django 6.1 and with the backport, ``.using(…)`` everywhere.
    """

    timeout: float | None = None
    retry: RetryPolicy | None = None

    def using(self, **changes: Any) -> ProcessTask:
        """Return a copy with another priority, queue_name, run_after, backend, timeout or retry."""
        own = {name: changes.pop(name) for name in ("timeout", "retry") if name in changes}
        # Not super(): a dataclass with slots is another class than the one that it was written as.
        changed = cast(ProcessTask, Task.using(self, **changes))
        return replace(changed, **own) if own else changed


def refuse_limits(task: Task[..., Any]) -> None:
    """Raise InvalidTask for a timeout or a retry that cannot be kept."""
    timeout, retry = getattr(task, "timeout", None), getattr(task, "retry", None)
    if timeout is not None and not is_seconds(timeout, 1):
        raise InvalidTask(f"timeout is {short(timeout)}; it must be seconds from 1 to ten years.")
    if retry is not None and not isinstance(retry, RetryPolicy):
        raise InvalidTask(f"retry is {short(retry)}; it must be a RetryPolicy.")


def find_task(path: str) -> Task[..., Any]:
    """Return the task object at ``package.module.function``; raise InvalidHandler for anything else."""
    found = import_path(path)
    if not isinstance(found, Task):
        raise InvalidHandler(f"{path} is not a task. Decorate the function with @task, and keep its name.")
    return found
