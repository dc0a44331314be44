"""Stages that do not want to end, and have children that want it less."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

from django.contrib.auth.models import Group

from django_tasks_poc import EntityWrapper, RetryPolicy, TaskHandlerBase

from .witness import note

#: Seconds between two signs of life.
_TICK = 0.01
#: A grandchild that leaves the group and the session, and ignores what can be ignored.
_GRANDCHILD = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if {flees}:
    os.setsid()
from tests.process.witness import note
while True:
    note({name!r}, start={start}, role="grandchild")
    time.sleep(0.01)
"""


class Ticks(TaskHandlerBase):
    """Notes all the time that it lives; ends after some seconds, or when its file is there."""

    def __init__(self, name: str, seconds: float = 60.0, stop: str = "") -> None:
        self.name, self.seconds, self.stop = name, seconds, stop

    def handle(self, context: Any) -> Any:
        start = f"{context.stage} {context.token}"
        self.prepare(start)
        until = time.monotonic() + self.seconds
        while time.monotonic() < until and not (self.stop and os.path.exists(self.stop)):
            note(self.name, start=start, stage=str(context.stage), attempt=context.attempt, role="stage")
            time.sleep(_TICK)
        return self.success(f"attempt {context.attempt}")

    def prepare(self, start: str) -> None:
        """Do what is to be done before the first tick."""


class AtomicTicks(Ticks):
    """Writes a row of its own at the end, in the transaction of its outcome."""

    atomic = True

    def handle(self, context: Any) -> Any:
        answer = super().handle(context)
        Group.objects.create(name=f"{context.token}")
        return answer


class Stubborn(Ticks):
    """Ignores SIGTERM, and has a grandchild that ignores it too."""

    timeout = 1

    def __init__(self, name: str, seconds: float = 60.0, stop: str = "", flees: bool = False) -> None:
        super().__init__(name, seconds, stop)
        self.flees = flees

    def prepare(self, start: str) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.stderr.write("I stay\n")
        sys.stderr.flush()
        code = _GRANDCHILD.format(name=self.name, start=repr(start), flees=self.flees)
        self.grandchild = subprocess.Popen([sys.executable, "-c", code])  # held: a dropped one warns


class Orphans(Stubborn):
    """The same, with time enough."""

    timeout = 60


class Retried(Ticks):
    retry = RetryPolicy(max_attempts=2)


class Waits(TaskHandlerBase):
    """Waits for a fan-out of stages that tick."""

    def __init__(self, name: str, count: int, stop: str) -> None:
        self.name, self.count, self.stop = name, count, stop

    def handle(self, context: Any) -> Any:
        ticks = [EntityWrapper(Ticks, {"name": self.name, "stop": self.stop})] * self.count
        return self.wait(context.builder.build(context.builder.create("ticks", *ticks), context))
