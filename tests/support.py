"""Start real processes on the database of the tests, and say what chance chose."""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections


def manager_environment() -> dict[str, str]:
    """Return our environment with the variables of the settings naming the databases of the tests.

    Without PYTHONUNBUFFERED, which would hide that something waits in a buffer.
    """
    named = {"DATABASE_URL": "default", "EVEN_DATABASE_URL": "even", "ODD_DATABASE_URL": "odd"}
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return {**inherited, **{variable: database_url(alias) for variable, alias in named.items()}}


def database_url(alias: str = DEFAULT_DB_ALIAS) -> str:
    connection = connections[alias]
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{quote(str(values['NAME']))}"
    user, password, host, name = (quote(str(values[key]), safe="") for key in ("USER", "PASSWORD", "HOST", "NAME"))
    port = f":{values['PORT']}" if values["PORT"] else ""
    return f"{connection.vendor}://{user}:{password}@{host}{port}/{name}"


def run_manage(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a command of manage.py to its end, and return its exit code and what it wrote."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=manager_environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def run_manager(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a task manager until nothing is left to do."""
    return run_manage("run_task_manager", "--drain", *arguments, timeout=timeout)


def say(request: pytest.FixtureRequest, words: str) -> None:
    """Write a line that is seen without a failure too."""
    if (reporter := request.config.pluginmanager.getplugin("terminalreporter")) is not None:
        reporter.ensure_newline()
        reporter.write_line(words)
