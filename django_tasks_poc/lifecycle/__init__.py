"""What becomes of a start: decisions, records that hold, and the rescue of what was lost."""

from .decisions import Cause, Ending, decide
from .events import tell_end, tell_start, tell_tasks
from .hosts import LockFile, host, process_started
from .liveness import Life, is_served, life
from .recording import record
from .rescue import bury_the_dead

__all__ = [
    "Cause",
    "Ending",
    "Life",
    "LockFile",
    "bury_the_dead",
    "decide",
    "host",
    "is_served",
    "life",
    "process_started",
    "record",
    "tell_end",
    "tell_start",
    "tell_tasks",
]
