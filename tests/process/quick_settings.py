"""The demo's settings with less patience for what ignores SIGTERM."""

from demo_project.settings import *  # noqa: F403
from demo_project.settings import DJANGO_TASKS_POC

DJANGO_TASKS_POC = {**DJANGO_TASKS_POC, "KILL_AFTER": 1}
