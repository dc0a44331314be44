"""What a test is told."""

from __future__ import annotations

from ..models import Task
from .trees import errors, tree


class NotEnded(AssertionError):
    """A task did not come to its end."""

    def __init__(self, task: Task, why: str) -> None:
        super().__init__(f"“{task.title}” is {why}.\n\n{tree(task)}{errors(task)}")
