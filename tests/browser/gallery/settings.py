"""The demo's settings with a second node on the same database, which has no manager."""

from demo_project.settings import *  # noqa: F403
from demo_project.settings import DJANGO_TASKS_POC

DJANGO_TASKS_POC = {**DJANGO_TASKS_POC, "NODES": {"default": {"QUEUE_SIZE": 8}, "mail": {}}}
