"""Storages of a node's setting that cannot be used."""

from __future__ import annotations

from typing import Any

from django_tasks_poc.storage.orm import OrmStorage


class Partial(OrmStorage):
    """Has no queries of stages, and commands of tasks and stages that lack a method each."""

    def __init__(self, node: str, database: str) -> None:
        super().__init__(node, database)
        del self.stage_query
        whole: Any = self.stage_command
        self.stage_command: Any = Without(whole, "claim", "is_content")
        self.task_command: Any = Without(self.task_command, "retry_failed")


class Without:
    """All of a part but some methods."""

    def __init__(self, part: Any, *names: str) -> None:
        for name in dir(type(part)):
            if not name.startswith("_") and name not in names:
                setattr(self, name, getattr(part, name))


class Careless:
    """Cannot be made for a node."""

    def __init__(self) -> None: ...


class Loud:
    def __init__(self, node: str, database: str) -> None:
        raise LookupError("no such region")


def _without_part(part: str) -> type:
    """Return a storage that has the part, and nothing in it."""

    def make(self: Any, node: str, database: str) -> None:
        OrmStorage.__init__(self, node, database)
        setattr(self, part, object())

    return type(f"Without_{part}", (OrmStorage,), {"__init__": make})


Without_task_query = _without_part("task_query")
Without_task_command = _without_part("task_command")
Without_stage_query = _without_part("stage_query")
Without_stage_command = _without_part("stage_command")
