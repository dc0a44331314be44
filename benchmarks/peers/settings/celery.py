"""The project of Celery: messages in Redis, results in the project's database."""

from __future__ import annotations

import os

from ..work import REDIS
from .base import *  # noqa: F403
from .base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_celery_results"]
CELERY_BROKER_URL = os.environ[REDIS]
CELERY_RESULT_BACKEND = "django-db"
