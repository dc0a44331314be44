"""The project of Celery with results in Redis, too."""

from __future__ import annotations

from .celery import *  # noqa: F403
from .celery import CELERY_BROKER_URL

CELERY_RESULT_BACKEND = CELERY_BROKER_URL
