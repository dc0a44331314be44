"""The rows: tasks, their stages, attempts that failed, managers, and who did what."""

from .attempt import AttemptOutcome, StageAttempt
from .event import TaskEvent
from .manager import ManagerProcess
from .stage import Kind, TaskStage
from .task import Task

__all__ = ["AttemptOutcome", "Kind", "ManagerProcess", "StageAttempt", "Task", "TaskEvent", "TaskStage"]
