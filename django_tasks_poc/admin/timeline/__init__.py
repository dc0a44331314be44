"""The timeline of a task and its charts, drawn on the server in pieces whose number does not grow with the task."""

from .view import TimelineMixin

__all__ = ["TimelineMixin"]
