"""The demo's settings, with a note of each try to connect, and with a database that may be written to a limit only."""

import os
import sys
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from demo_project.settings import *  # noqa: F403
from demo_project.settings import DATABASES
from tests.process.witness import note

#: Names of variables: pages that a SQLite file may have; whether it may be read only.
PAGES, READ_ONLY = "TESTS_MOST_PAGES", "TESTS_READ_ONLY"

_connect = BaseDatabaseWrapper.connect


def _noting(self: Any) -> None:
    note("connects")
    _connect(self)


if sys.argv[1:2] == ["run_task_manager"]:
    BaseDatabaseWrapper.connect = _noting

if PAGES in os.environ:
    DATABASES["default"]["OPTIONS"]["init_command"] += f"; PRAGMA max_page_count={os.environ[PAGES]}"
if READ_ONLY in os.environ:
    DATABASES["default"]["NAME"] = f"file:{DATABASES['default']['NAME']}?mode=ro"
    DATABASES["default"]["OPTIONS"]["uri"] = True
