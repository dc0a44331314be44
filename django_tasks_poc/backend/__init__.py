"""The backend of Django's tasks framework: ``TASKS["default"]["BACKEND"]``. Importable before the apps are ready."""

from .backend import TaskManagerBackend
from .task import ProcessTask

__all__ = ["ProcessTask", "TaskManagerBackend"]
