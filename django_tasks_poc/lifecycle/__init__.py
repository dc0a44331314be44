"""What becomes of a start: decisions, records that hold, and the rescue of what was lost."""

from .decisions import Cause, Ending, decide
from .hosts import LockFile, host, process_started
from .recording import record
from .rescue import bury_the_dead

__all__ = ["Cause", "Ending", "LockFile", "bury_the_dead", "decide", "host", "process_started", "record"]
