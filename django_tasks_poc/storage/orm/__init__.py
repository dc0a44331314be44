"""Storage on Django's models."""

from .stage_command import OrmStageCommand
from .stage_query import OrmStageQuery
from .task_command import OrmTaskCommand
from .task_query import OrmTaskQuery

__all__ = ["OrmStorage"]


class OrmStorage:
    """The four interfaces for one node on one database."""

    def __init__(self, node: str, alias: str) -> None:
        self.task_query = OrmTaskQuery(node, alias)
        self.task_command = OrmTaskCommand(node, alias)
        self.stage_query = OrmStageQuery(node, alias)
        self.stage_command = OrmStageCommand(node, alias)
