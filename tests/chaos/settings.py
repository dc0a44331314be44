"""The demo's settings with little patience: what is lost is found within seconds."""

from typing import Any

from demo_project.settings import *  # noqa: F403
from demo_project.settings import DATABASES, DJANGO_TASKS_POC, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.broken.Broken"]
DJANGO_TASKS_POC: dict[str, Any] = {
    **DJANGO_TASKS_POC,
    "NODES": {"default": {"TIMEOUT": 5}},
    "LEASE": 4,
    "GRACE": 0.5,
    "KILL_AFTER": 0.3,
}

# No waiting for the disk: it is processes that die here, not machines.
_QUICK: dict[str, dict[str, Any]] = {
    "django.db.backends.sqlite3": {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF"},
    "django.db.backends.postgresql": {"options": "-c synchronous_commit=off"},
}
for _database in DATABASES.values():
    _database.setdefault("OPTIONS", {}).update(_QUICK.get(_database["ENGINE"], {}))
