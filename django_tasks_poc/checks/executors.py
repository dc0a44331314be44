"""Checks of how a node's stages get their processes."""

from __future__ import annotations

import sys
from typing import Any

from django.core.checks import CheckMessage, Info, Warning, register

from ..conf import SETTING, default_executor
from ..node import EntityNode, nodes
from .settings import TAG, is_sound


@register(TAG)
def check_fork(**_: Any) -> list[CheckMessage]:
    """Advise against forks where the system's own libraries do not survive them, as on macOS."""
    if default_executor() == "prefork":
        return []
    return [
        Warning(
            f"Node {node.label!r} forks its stages, which is not safe on this platform ({sys.platform}).",
            hint=f"Leave {SETTING}['NODES'][{node.label!r}]['EXECUTOR'] out, or set it to 'subprocess'.",
            id="django_tasks_poc.W005",
        )
        for node in _forking()
    ]


@register(TAG, deploy=True)
def check_connections(**_: Any) -> list[CheckMessage]:
    """Tell what a process for each stage costs where stages query PostgreSQL.

    Whether they do, and what --max-stages-per-process the managers will have, is not in the settings.
    """
    return [
        Info(
            f"Node {node.label!r}: each stage has a process of its own by default, and one that queries PostgreSQL "
            "pays for a connection of its own.",
            hint="Where stages are short and well-behaved, use run_task_manager --max-stages-per-process 1000 "
            "(measured with a row each: 385 stages a second instead of 131), or put more rows into a stage.",
            id="django_tasks_poc.I001",
        )
        for node in _forking()
        if node.vendor == "postgresql"
    ]


def _forking() -> list[EntityNode]:
    return [node for node in nodes.values() if node.config.executor == "prefork"] if is_sound() else []
