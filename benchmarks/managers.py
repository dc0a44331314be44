"""Managers under measurement, and waiting for what they do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from django_tasks_poc import EntityWrapper, TaskBuilder
from django_tasks_poc.models import Task
from django_tasks_poc.node import nodes

from . import processes
from .databases import ROOT
from .handlers import Square

#: Stages that a manager runs side by side, as it would by itself.
SLOTS = 2 * (os.cpu_count() or 1)
#: How often each run is done.
REPEAT = int(os.environ.get("REPEAT", "5"))
#: Whether to measure with 1,000,000 stages what is about so many.
FULL = os.environ.get("FULL", "0") not in ("", "0")
#: Seconds after which a task counts as hung; stages a second below which a larger one does; seconds to stop within.
_LIMIT, _SLOWEST = 300, 100
_STOP_WITHIN = 30


class Failed(Exception):
    """What was measured went wrong, so there is no figure."""


class Manager:
    """A ``run_task_manager`` process of a node."""

    def __init__(self, node: str, process: subprocess.Popen[bytes]) -> None:
        self.node = node
        self._process = process
        self._tasks = Task.objects.using(nodes[node].database)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def peak(self) -> float:
        """The largest resident size of its process so far, in MiB."""
        return processes.peak(self.pid)

    def finish(self, task: Task, every: float, stages: int = 1) -> Task:
        """Wait until the task has ended and return it anew; look every so many seconds.

        ``stages`` is how many there are in its tree: many may take longer.
        """
        mine = self._tasks.filter(uuid=task.uuid)
        self.wait(lambda: mine.values_list("finished_at", flat=True).get() is not None, str(task), every, stages)
        return mine.get()

    def wait(self, is_over: Callable[[], bool], what: str, every: float, stages: int = 1) -> None:
        """Wait for what the manager is to do; look every so many seconds."""
        limit = max(_LIMIT, stages / _SLOWEST)
        deadline = time.monotonic() + limit
        while not is_over():
            self.check()
            if time.monotonic() > deadline:
                raise Failed(f"{what} did not end within {limit:,.0f} s.")
            time.sleep(every)

    def check(self) -> None:
        """Raise Failed unless the manager runs."""
        if self._process.poll() is not None:
            raise Failed(f"The manager ended with code {self._process.returncode}.")

    def run_one(self, every: float = 0.01) -> Task:
        """Run a task of one trivial stage."""
        builder = TaskBuilder(self.node)
        task = builder.build(builder.create("One", EntityWrapper(Square, {"number": 1}), unique=False))
        return self.finish(task, every)


@contextmanager
def running(node: str, *arguments: str, environment: Mapping[str, str] = os.environ) -> Iterator[Manager]:
    """Run a manager that is warm: it has run a stage."""
    command = [sys.executable, "manage.py", "run_task_manager", "--node", node, "--verbosity", "0", *arguments]
    if "--queue-size" not in arguments:
        command += ["--queue-size", str(SLOTS)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        manager = Manager(node, process)
        manager.run_one()
        yield manager
    finally:
        process.terminate()
        try:
            process.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
