"""A task manager that runs some tasks to their end while somebody watches."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO
from uuid import UUID

from django.conf import settings
from django.core.management.base import CommandError

from django_tasks_poc import State
from django_tasks_poc.models import Task, TaskStage

LOOK_EVERY = 0.1  # seconds


def run_tasks(tasks: Sequence[Task], tell: Callable[[str], None]) -> None:
    """Return when each task has ended or is paused, whoever ran it; ``tell`` hears of progress meanwhile."""
    with _manager() as (manager, errors):
        told: dict[UUID, str] = {}
        while True:
            exit_code = manager.poll()  # before the look at the tasks: it may do the last of its work in between
            if all(is_at_rest(task) for task in tasks):
                return
            if exit_code is not None:
                errors.seek(0)
                left = ", ".join(f"{task.title!r} is {task.state}" for task in tasks if not is_at_rest(task))
                raise CommandError(f"The manager ended with exit code {exit_code}, and {left}. {errors.read()}".strip())
            for stage, progress in _progress(tasks):
                if told.get(stage) != progress:
                    told[stage] = progress
                    tell(progress)
            time.sleep(LOOK_EVERY)


def is_at_rest(task: Task) -> bool:
    """Say whether the task, with its finally, has ended or waits for a person."""
    task.refresh_from_db()
    return not task.active or (task.state == State.PAUSED and not task.running_count)


@contextmanager
def _manager() -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """Run a task manager, and stop it at the end if it still works on tasks of others."""
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_task_manager", "--drain", "--verbosity", "0"]
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, text=True)
        try:
            yield process, errors
        finally:
            process.terminate()
            process.wait()


def _progress(tasks: Sequence[Task]) -> Iterator[tuple[UUID, str]]:
    """Yield how far each running stage is that tells it."""
    running = TaskStage.objects.filter(task__root__in=tasks, state=State.RUNNING).exclude(progress="")
    for stage in running.order_by("task", "order"):
        done, total, message = json.loads(stage.progress)
        yield stage.uuid, f"{stage}: {done:g} of {total:g} {message}".rstrip()
