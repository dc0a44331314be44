"""The demo's settings with managers that purge what ended a second ago."""

from demo_project.settings import *  # noqa: F403
from demo_project.settings import DJANGO_TASKS_POC

DJANGO_TASKS_POC = {**DJANGO_TASKS_POC, "PURGE_AFTER": 1}
