"""The demo's settings with a node whose tasks are in a SQLite file of their own, named by a variable."""

import os

from demo_project.settings import *  # noqa: F403
from demo_project.settings import DATABASES

VARIABLE = "TESTS_TASKS_FILE"

DATABASES = {
    **DATABASES,
    "tasks": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get(VARIABLE, ""),
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL"},
    },
}
DATABASE_ROUTERS = ["django_tasks_poc.router.NodeRouter"]
DJANGO_TASKS_POC = {"NODES": {"default": {}, "mail": {"DATABASE": "tasks"}}}
