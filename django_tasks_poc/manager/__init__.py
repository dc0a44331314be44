"""The task manager: an event loop that starts, watches, times out and reaps the processes of stages."""

from .options import TaskManagerOptions
from .task_manager import TaskManager

__all__ = ["TaskManager", "TaskManagerOptions"]
