"""Fixtures for pytest, with pytest-django; they are there as soon as django-tasks-poc is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..models import Task

# Nothing else is imported before a fixture is used: pytest loads this in every project of the environment.


@pytest.fixture
def run_task(db: None) -> Callable[..., Task]:
    """``run_task(task)`` runs a task to its end in this process, and returns it as it is then."""
    from .running import run_task

    return run_task


@pytest.fixture
def run_pending(db: None) -> Callable[..., int]:
    """``run_pending()`` runs all that a node has to run, and returns how many starts it took."""
    from .running import run_pending

    return run_pending
