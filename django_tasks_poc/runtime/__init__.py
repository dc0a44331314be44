"""Running one stage in its process: from the request to the report."""

from .rehearsal import rehearsal
from .stage import prepare, run

__all__ = ["prepare", "rehearsal", "run"]
