"""A task as a tree: its stages, their failed attempts, and the tasks nested in them, as far as a person can look."""

from .lines import Branch, branch_of, text_of
from .nodes import TreeAttempt, TreeEvent, TreeStage, TreeTask
from .reading import read_tree

__all__ = ["Branch", "TreeAttempt", "TreeEvent", "TreeStage", "TreeTask", "branch_of", "read_tree", "text_of"]
