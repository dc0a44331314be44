"""What fails outside every task of the manager's loop does not fail in silence."""

from __future__ import annotations

import asyncio

import pytest
from django.conf import settings

from django_tasks_poc import TaskManager, TaskManagerOptions
from django_tasks_poc.manager.life import Life
from django_tasks_poc.models import ManagerProcess

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_callback_that_fails_ends_the_manager() -> None:
    def explode() -> None:
        raise LookupError("a callback")

    def watch(life: Life) -> None:
        asyncio.get_running_loop().call_soon(explode)

    options = TaskManagerOptions(executor="inline", run_for=20, bindir=str(settings.BASE_DIR), handler="manage.py")
    with pytest.raises(LookupError, match="a callback"):
        TaskManager(watch).run(options)
    # It took its leave all the same, so that no lease is waited for.
    assert ManagerProcess.objects.get().stopped_at is not None
