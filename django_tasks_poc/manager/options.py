"""The options of a manager."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ..conf import EXECUTORS, MOST_STAGES, config, is_count
from ..exceptions import TaskError
from ..node import EntityNode, nodes
from ..words import is_seconds, short

#: The least seconds that each option may have.
_LEAST = {"heartbeat": 0.01, "keeper_interval": 0.01, "timeout": 1, "grace": 0, "run_for": 0}


#: Seconds that a program has to say what it knows.
_ANSWERS_WITHIN = 30.0
_PROGRAM = {"bindir": "folder of the program that runs stages", "handler": "program that runs stages"}


class InvalidOption(TaskError, ValueError):
    """An option of the manager makes no sense."""


@dataclass(frozen=True)
class TaskManagerOptions:
    """How a manager works; times are seconds. What is None comes from the node's settings.

    ``heartbeat`` and ``keeper_interval`` are how often it looks, unasked, for work and for exits: a safety net, since
    both are events. ``bindir`` and ``handler`` name the program that runs stages (default: this one's manage.py).
    ``reload`` has stages run with new code as soon as a source file has changed, for development.
    """

    node: str = "default"
    bindir: str | None = None
    handler: str | None = None
    heartbeat: float = 2.0
    keeper_interval: float = 1.0
    queue_size: int | None = None
    timeout: float | None = None
    executor: str | None = None
    max_stages_per_process: int = 1
    grace: float | None = None
    run_for: float | None = None
    drain: bool = False
    reload: bool = False

    def __post_init__(self) -> None:
        settings = nodes[self.node].config
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not is_seconds(value, least):
                raise InvalidOption(f"{name} is {short(value)}; it must be seconds from {least:g} to ten years.")
        for name in ("queue_size", "max_stages_per_process"):
            value = getattr(self, name)
            if value is not None and not is_count(value, MOST_STAGES):
                raise InvalidOption(f"{name} is {short(value)}; it must be an int from 1 to {MOST_STAGES:,}.")
        executor = settings.executor if self.executor is None else self.executor
        if executor not in EXECUTORS:
            raise InvalidOption(f"executor is {short(executor)}; it must be one of {', '.join(EXECUTORS)}.")
        if self.reload and executor == "inline":
            raise InvalidOption("reload cannot be had with the inline executor, which runs stages in this process.")
        for name in ("bindir", "handler"):
            if (value := getattr(self, name)) is not None and not value:
                raise InvalidOption(f"{name} is empty; name the {_PROGRAM[name]}, or leave it out.")
        cores = os.cpu_count() or 1
        fill = object.__setattr__
        fill(self, "executor", executor)
        fill(self, "queue_size", self.queue_size or settings.queue_size or 2 * cores)
        fill(self, "timeout", settings.timeout if self.timeout is None else self.timeout)
        fill(self, "grace", config().grace if self.grace is None else self.grace)

    @property
    def entity(self) -> EntityNode:
        return nodes[self.node]

    @property
    def slots(self) -> int:
        """How many stages run side by side."""
        return self.queue_size or 1

    @property
    def command(self) -> list[str]:
        """The program that runs stages, up to the name of its command."""
        started = Path(sys.argv[0])
        if self.bindir is None and self.handler is None and started.name == "__main__.py":
            return [sys.executable, "-m", "django"]
        folder = Path(self.bindir) if self.bindir is not None else started.absolute().parent
        program = folder / (self.handler or started.name)
        if not program.is_file():
            raise InvalidOption(f"There is no handler program {program}; give --bindir and --handler.")
        return [sys.executable, str(program)]

    def check_program(self) -> None:
        """Refuse a program of one's own that has no command to run stages with: each of them would fail."""
        if self.bindir is None and self.handler is None:
            return
        try:
            help = subprocess.run(
                [*self.command, "handle_stage", "--help"], timeout=_ANSWERS_WITHIN,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            )  # fmt: skip
            said = help.stdout.decode(errors="replace").strip()
        except subprocess.TimeoutExpired:
            said = f"nothing within {_ANSWERS_WITHIN:g} s"
        if "--dry-run" not in said:
            raise InvalidOption(
                f"The handler program {self.command[-1]} does not know handle_stage; give a manage.py of this project. "
                f"It said: {said.rpartition(chr(10))[2] or 'nothing'}"
            )
