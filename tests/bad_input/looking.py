"""A stage that tells what it finds of the stages before it."""

from __future__ import annotations

import decimal
import gc
import locale
import logging
import os
import resource
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from django.db import connections
from django.utils import timezone, translation

from django_tasks_poc import TaskHandlerBase
from django_tasks_poc.executors.process import MARK


class Looks(TaskHandlerBase):
    """Answers with its process and with all that a stage could have changed there."""

    def handle(self, context: Any) -> Any:
        sys.stdout.write("looks")
        return self.success("looked", {"pid": os.getpid(), "parent": os.getppid(), "finds": surroundings()})


def surroundings() -> dict[str, Any]:
    umask = os.umask(0)
    os.umask(umask)
    root = logging.getLogger()
    return {
        "cwd": os.getcwd(),
        "umask": umask,
        "environment": {name: value for name, value in os.environ.items() if name != MARK},
        "signals": {str(number): str(signal.getsignal(number)) for number in signal.valid_signals()},
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "timers": [signal.getitimer(which) for which in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL)],
        "limits": {
            name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name[:7] == "RLIMIT_"
        },
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
        "cores": sorted(os.sched_getaffinity(0)),
        "stdin": os.readlink("/proc/self/fd/0"),
        "streams": [sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__, sys.stdin is sys.__stdin__],
        "threads": threading.active_count(),
        "children": Path("/proc/thread-self/children").read_text(),
        "connections": [one.alias for one in connections.all(initialized_only=True) if one.connection is not None],
        "language": translation.get_language(),
        "zone": timezone.get_current_timezone_name(),
        "locale": locale.setlocale(locale.LC_ALL),
        "path": sys.path,
        "recursion": sys.getrecursionlimit(),
        "collector": gc.isenabled(),
        "sockets": socket.getdefaulttimeout(),
        "precision": decimal.getcontext().prec,
        "logging": [root.level, len(root.handlers), root.manager.disable, logging.getLogger("django").level],
        "hooks": [sys.excepthook is sys.__excepthook__, sys.gettrace() is None],
    }
