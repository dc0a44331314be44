"""What a deployment on PostgreSQL is told."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import INFO
from django.db import connection

from .found import found

on_postgres = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="needs PostgreSQL: DATABASE_URL=postgres://postgres@127.0.0.1:5432/test"
)


@on_postgres
def test_the_price_of_a_connection_for_each_stage_is_told_in_a_deployment(settings: Any) -> None:
    settings.DJANGO_TASKS_POC = {"NODES": {"default": {"EXECUTOR": "prefork"}}}
    assert found() == {}
    (advice,) = found(deploy=True).values()
    assert (advice.id, advice.level) == ("django_tasks_poc.I001", INFO)
    assert "run_task_manager --max-stages-per-process 1000" in str(advice.hint)
    settings.DJANGO_TASKS_POC = {"NODES": {"default": {"EXECUTOR": "subprocess"}}}
    assert found(deploy=True) == {}
