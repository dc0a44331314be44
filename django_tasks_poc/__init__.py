"""Durable multi-stage tasks for Django, with nothing but the project's own database."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .builder import TaskBuilder
    from .context import TaskStageContext
    from .draft import TaskDraft
    from .entities import EntityFinally, EntityHandler, EntityWrapper, OnError, RetryPolicy, TaskResponse
    from .exceptions import TaskBusy, TaskExists
    from .handlers import TaskHandlerBase
    from .manager import TaskManager, TaskManagerOptions
    from .node import EntityNode as Node
    from .node import nodes
    from .outcomes import Outcome, Previous, VerbResult
    from .states import State
    from .storage.base import StageCommand, StageQuery, TaskCommand, TaskQuery
    from .viewer import TaskViewer

__version__ = "0.1.0"

__all__ = [
    "EntityFinally",
    "EntityHandler",
    "EntityWrapper",
    "Node",
    "OnError",
    "Outcome",
    "Previous",
    "RetryPolicy",
    "StageCommand",
    "StageQuery",
    "State",
    "TaskBuilder",
    "TaskBusy",
    "TaskCommand",
    "TaskDraft",
    "TaskExists",
    "TaskHandlerBase",
    "TaskManager",
    "TaskManagerOptions",
    "TaskQuery",
    "TaskResponse",
    "TaskStageContext",
    "TaskViewer",
    "VerbResult",
    "nodes",
]

# Looked up when first used, so that this can be imported before Django's apps are ready.
_HOMES = {
    "EntityFinally": "entities",
    "EntityHandler": "entities",
    "EntityWrapper": "entities",
    "OnError": "entities",
    "Outcome": "outcomes",
    "Previous": "outcomes",
    "RetryPolicy": "entities",
    "StageCommand": "storage.base",
    "StageQuery": "storage.base",
    "State": "states",
    "TaskBuilder": "builder",
    "TaskBusy": "exceptions",
    "TaskCommand": "storage.base",
    "TaskDraft": "draft",
    "TaskExists": "exceptions",
    "TaskHandlerBase": "handlers",
    "TaskManager": "manager",
    "TaskManagerOptions": "manager",
    "TaskQuery": "storage.base",
    "TaskResponse": "entities",
    "TaskStageContext": "context",
    "TaskViewer": "viewer",
    "VerbResult": "outcomes",
    "nodes": "node",
}


def __getattr__(name: str) -> Any:
    if name == "Node":
        return import_module(".node", __name__).EntityNode
    if (home := _HOMES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{home}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
