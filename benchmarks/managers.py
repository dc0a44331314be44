"""Managers under measurement, and waiting for what they do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django_tasks_poc import EntityWrapper, TaskBuilder
from django_tasks_poc.models import Task
from django_tasks_poc.node import nodes

from .databases import ROOT
from .handlers import Square

#: Stages that a manager runs side by side, as it would by itself.
SLOTS = 2 * (os.cpu_count() or 1)
#: How often each run is done.
REPEAT = int(os.environ.get("REPEAT", "5"))
#: Seconds after which a task counts as hung, and that a manager may take to stop.
_LIMIT = 300
_STOP_WITHIN = 30


class Failed(Exception):
    """What was measured went wrong, so there is no figure."""


class Manager:
    """A ``run_task_manager`` process of a node."""

    def __init__(self, node: str, process: subprocess.Popen[bytes]) -> None:
        self.node = node
        self._process = process
        self._tasks = Task.objects.using(nodes[node].database)

    def finish(self, task: Task, every: float) -> Task:
        """Wait until the task has ended and return it anew; look every so many seconds."""
        deadline = time.monotonic() + _LIMIT
        mine = self._tasks.filter(uuid=task.uuid)
        while mine.values_list("finished_at", flat=True).get() is None:
            if self._process.poll() is not None:
                raise Failed(f"The manager ended with code {self._process.returncode}.")
            if time.monotonic() > deadline:
                raise Failed(f"{task} did not end within {_LIMIT} s.")
            time.sleep(every)
        return mine.get()

    def run_one(self, every: float = 0.01) -> Task:
        """Run a task of one trivial stage."""
        builder = TaskBuilder(self.node)
        task = builder.build(builder.create("One", EntityWrapper(Square, {"number": 1}), unique=False))
        return self.finish(task, every)

    @property
    def peak(self) -> float:
        """The largest resident size of its process so far, in MiB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024


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
