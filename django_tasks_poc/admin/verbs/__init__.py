"""What people may do to tasks in the admin: pause, resume, cancel, retry what failed, purge."""

from .bulk import BulkMixin

__all__ = ["BulkMixin"]
