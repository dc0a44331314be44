"""The demo project with a node a database: ``sqlite``, and ``postgresql`` when there is a server."""

from __future__ import annotations

import os

from demo_project.settings import *  # noqa: F403
from demo_project.settings import DATABASES, INSTALLED_APPS, LOGGING, env

from .databases import NOTES, POSTGRESQL, SQLITE

if NOTES in os.environ:
    INSTALLED_APPS.append("benchmarks.timing.TimingConfig")

DATABASES["default"] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": os.environ[SQLITE],
    "OPTIONS": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
    },
}
# Each has a second node on the same database, which no manager serves.
DJANGO_TASKS_POC = {"NODES": {"sqlite": {"DATABASE": "default"}, "sqlite-unserved": {"DATABASE": "default"}}}

if POSTGRESQL in os.environ:
    DATABASES["postgresql"] = env.db(POSTGRESQL)
    DJANGO_TASKS_POC["NODES"]["postgresql"] = {"DATABASE": "postgresql"}
    DJANGO_TASKS_POC["NODES"]["postgresql-unserved"] = {"DATABASE": "postgresql"}

# Stages write to the database of their node, whichever it is.
DATABASE_ROUTERS: list[str] = []

# A line a task is no part of what is measured; what goes wrong is.
LOGGING["loggers"]["django_tasks_poc"]["level"] = "WARNING"
