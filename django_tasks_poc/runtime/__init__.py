"""Running one stage in its process: from the request to the report."""

from .stage import prepare, run

__all__ = ["prepare", "run"]
