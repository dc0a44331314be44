"""Given whatever was refused, then nothing of it is in the database, and the transaction goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from django_tasks_poc import EntityWrapper
from django_tasks_poc.models import Task, TaskStage

from ..building import build
from ..handlers import Noop
from ..process.conftest import shared_database, witness  # noqa: F401  # fixtures
from . import runs
from .runs import COLD, PREFORK, Run


@pytest.fixture(scope="module")
def ended(request: pytest.FixtureRequest, shared_database: None) -> Run:  # noqa: F811  # the fixture
    """The stages of the module, run in children of prefork."""
    return runs.run(PREFORK, request.module.stages())


@pytest.fixture(scope="module")
def cold(request: pytest.FixtureRequest, ended: Run) -> Run:
    """Those of them that the module names in IN_COLD, run in cold processes."""
    return runs.run(COLD, {name: request.module.stages()[name] for name in request.module.IN_COLD})


@pytest.fixture
def nothing_is_written(db: None) -> Iterator[None]:
    """No row is left of a task called "bad", and the next one is built."""
    yield
    assert list(TaskStage.objects.filter(task__title="bad")) == []
    assert list(Task.objects.filter(title="bad")) == []
    assert build("good", EntityWrapper(Noop), unique=False).total_count == 1
