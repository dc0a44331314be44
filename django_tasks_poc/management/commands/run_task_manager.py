"""Run the manager of a node."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...conf import EXECUTORS
from ...exceptions import TaskError
from ...manager import TaskManager, TaskManagerOptions
from ...manager.console import Console

_LEVELS = (logging.ERROR, logging.INFO, logging.DEBUG, logging.DEBUG)


class Command(BaseCommand):
    help = "Start and watch the processes that run the stages of a node's tasks, until a signal ends it."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("--node", default="default", help="label of the node in DJANGO_TASKS_POC['NODES'] (default: default)")
        add("--heartbeat", type=float, default=2.0, help="seconds between unasked looks for work (default: 2)")
        add("--keeper-interval", type=float, default=1.0, help="seconds between unasked looks for exits (default: 1)")
        add("--queue-size", type=int, help="stages that run side by side (default: the node's, else 2 a core)")
        add("--timeout", type=float, help="seconds that an attempt of a stage may take (default: the node's, 300)")
        add("--run-for", type=float, metavar="SECONDS", help="stop after so many seconds")
        add("--executor", choices=EXECUTORS, help="how stages are run (default: the node's)")
        add("--max-stages-per-process", type=int, default=1, metavar="N",
            help="let a process run up to N stages before it is replaced (default: 1)")  # fmt: skip
        add("--grace", type=float, help="seconds that running stages have to end after a stop (default: 10)")
        add("--handler", help="program that runs stages (default: this manage.py)")
        add("--bindir", help="folder of that program (default: where this one is)")
        add("--reload", action="store_true",
            help="for development: run stages with new code as soon as a source file has changed")  # fmt: skip
        add("--drain", action="store_true",
            help="end when nothing is left that could run; exit 1 if a root task failed meanwhile")  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        names = TaskManagerOptions.__dataclass_fields__
        try:
            wanted = TaskManagerOptions(**{name: options[name] for name in names})
        except TaskError as error:
            raise CommandError(str(error), returncode=2) from error
        with _on_console(options["verbosity"]) as console:
            try:
                code = TaskManager(console.watch if options["verbosity"] else None).run(wanted)
            except TaskError as error:
                raise CommandError(str(error), returncode=2) from error
        if code:
            sys.exit(code)


@contextmanager
def _on_console(verbosity: int) -> Iterator[Console]:
    """Send the package's log lines to the terminal, in place of where the project sends them."""
    console, logger = Console(sys.stderr), logging.getLogger("django_tasks_poc")
    before = logger.handlers, logger.level, logger.propagate
    logger.handlers, logger.propagate = [console], False
    logger.setLevel(_LEVELS[min(verbosity, 3)])
    try:
        yield console
    finally:
        logger.handlers, level, logger.propagate = before
        logger.setLevel(level)
        console.close()
