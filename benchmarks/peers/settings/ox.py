"""The project of django-ox."""

from __future__ import annotations

from .base import *  # noqa: F403
from .base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_ox"]
TASKS = {"default": {"BACKEND": "django_ox.backend.OxBackend"}}
