"""Tests of your tasks: run them to their end in the test's process and transaction, and look at what came out.

``django_tasks_poc.testing.factories`` makes tasks and stages in any state; it needs factory-boy (extra ``testing``).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import NotEnded
    from .running import run_pending, run_task
    from .trees import assert_failed, assert_succeeded, tree

__all__ = ["NotEnded", "assert_failed", "assert_succeeded", "run_pending", "run_task", "tree"]

# Looked up when first used: pytest loads the plugin beside this before Django's apps are ready.
_HOMES = {
    "NotEnded": "errors",
    "assert_failed": "trees",
    "assert_succeeded": "trees",
    "run_pending": "running",
    "run_task": "running",
    "tree": "trees",
}


def __getattr__(name: str) -> Any:
    if (home := _HOMES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{home}", __name__), name)
