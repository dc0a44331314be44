"""What all tests share: which of them run, and a database that is committed to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command

# As where the package is installed, which the checkout need not be; to name it twice does no harm.
pytest_plugins = ["django_tasks_poc.testing.plugin"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what is slow, visibly, unless SLOW=1 asks for it."""
    if os.environ.get("SLOW"):
        return
    skip = pytest.mark.skip(reason="slow: run it with SLOW=1")
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(skip)


@pytest.fixture(scope="module")
def shared_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A database that the tests of a module share and leave empty.

    pytest-django makes databases only where some test is marked with ``django_db``.
    """
    with django_db_blocker.unblock():
        call_command("flush", verbosity=0, interactive=False)
        yield
        call_command("flush", verbosity=0, interactive=False)
