"""The demo's settings on a host whose name and clock the environment chooses, with a short lease."""

import os
import signal
import socket
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from demo_project.settings import *  # noqa: F403
from demo_project.settings import DJANGO_TASKS_POC

#: Names of variables: the host's name; a file that holds how many seconds its clock is ahead; a file which, once it
#: is there, has a manager fall asleep before its next commit.
HOST, CLOCK, NAP = "TESTS_HOST", "TESTS_CLOCK", "TESTS_NAP"
#: Seconds.
LEASE = 3.0

DJANGO_TASKS_POC = {**DJANGO_TASKS_POC, "LEASE": LEASE, "KILL_AFTER": 1}

_time, _time_ns, _now = time.time, time.time_ns, timezone.now
_commit = BaseDatabaseWrapper._commit


def _ahead() -> int:
    return int(Path(os.environ[CLOCK]).read_text())


def _shifted_now() -> datetime:
    return _now() + timedelta(seconds=_ahead())


def _sleepy_commit(self: Any) -> None:
    if os.path.exists(os.environ[NAP]):
        os.unlink(os.environ[NAP])
        os.kill(os.getpid(), signal.SIGSTOP)
    _commit(self)


if HOST in os.environ:
    socket.gethostname = lambda: os.environ[HOST]
if CLOCK in os.environ:
    time.time = lambda: _time() + _ahead()
    time.time_ns = lambda: _time_ns() + _ahead() * 10**9
    timezone.now = _shifted_now
if NAP in os.environ and sys.argv[1:2] == ["run_task_manager"]:
    BaseDatabaseWrapper._commit = _sleepy_commit
