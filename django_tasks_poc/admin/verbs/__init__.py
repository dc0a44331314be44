"""What people may do to tasks in the admin: pause, resume, cancel, retry what failed, purge."""

from .views import VerbMixin

__all__ = ["VerbMixin"]
