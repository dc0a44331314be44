"""The demo's settings with a database whose answer to some commits of a manager is lost."""

import os
import sys
from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from demo_project.settings import *  # noqa: F403

#: Names the commits, counted from 1, whose answer is lost.
VARIABLE = "TESTS_LOST_COMMITS"

_commit = BaseDatabaseWrapper._commit
_count = 0


def _lossy(self: Any) -> Any:
    global _count
    _commit(self)
    _count += 1
    if str(_count) in os.environ.get(VARIABLE, "").split():
        raise OperationalError(f"The answer to commit {_count} is lost.")


if sys.argv[1:2] == ["run_task_manager"]:
    BaseDatabaseWrapper._commit = _lossy
