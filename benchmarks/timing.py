"""An app that has a manager note how long each call of its database took."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from django.apps import AppConfig

from .databases import NOTES


class TimingConfig(AppConfig):
    name = "benchmarks"

    def ready(self) -> None:
        from django_tasks_poc.manager import database

        run = database._run

        def timed(function: Any, *args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return run(function, *args, **kwargs)
            finally:
                with Path(os.environ[NOTES]).open("a") as notes:
                    notes.write(f"{time.perf_counter() - began}\n")

        database._run = timed
