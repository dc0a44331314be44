"""The demo's settings with a short lease, half of which a process takes to start."""

import sys
import time
from typing import Any

from demo_project.settings import *  # noqa: F403
from demo_project.settings import DJANGO_TASKS_POC

DJANGO_TASKS_POC: dict[str, Any] = {**DJANGO_TASKS_POC, "LEASE": 4}

if sys.argv[1:2] == ["handle_stage"]:
    time.sleep(2)
