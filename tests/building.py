"""Building a root task in one line."""

from __future__ import annotations

from typing import Any

from django_tasks_poc import TaskBuilder
from django_tasks_poc.models import Task


def build(title: Any, *stages: Any, **options: Any) -> Task:
    """Build a root task; whatever is given is given to the builder."""
    builder = TaskBuilder()
    return builder.build(builder.create(title, *stages, **options))
