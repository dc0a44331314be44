"""The project of django-q2: two workers, a broker in the database, and settings for speed."""

from __future__ import annotations

from .base import *  # noqa: F403
from .base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_q"]
Q_CLUSTER = {
    "name": "peers",
    "orm": "default",
    "workers": 2,
    "save_limit": 0,  # keep every result
    "poll": 0.02,
    "bulk": 50,
    "queue_limit": 100,
    "recycle": 10_000,
    "timeout": 60,
    "retry": 120,
    "scheduler": False,
    "log_level": "ERROR",
}
