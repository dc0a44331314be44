"""Pages in Django's own admin: what tasks and managers are doing. Read-only."""

from .managers import ManagerProcessAdmin
from .tasks import TaskAdmin

__all__ = ["ManagerProcessAdmin", "TaskAdmin"]
