"""The page of a task as a tree: its stages, the nested tasks below them, and the page of each stage."""

from .views import TreeMixin

__all__ = ["TreeMixin"]
