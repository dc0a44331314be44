"""Names of the PostgreSQL channels on which managers are woken."""

from __future__ import annotations


def channel(node: str) -> str:
    """Name the PostgreSQL channel on which the node's managers listen."""
    return f"django_tasks_poc_{node}"
