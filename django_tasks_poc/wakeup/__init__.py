"""How a manager hears that there is something to do: one way for each kind of database."""

from .base import Wakeup
from .polling import PollingWakeup
from .postgres import PostgresWakeup
from .sqlite import SqliteWakeup

__all__ = ["PollingWakeup", "PostgresWakeup", "SqliteWakeup", "Wakeup", "make_wakeup"]


def make_wakeup(vendor: str) -> type[Wakeup]:
    """Return the way for a database of this vendor."""
    return {"postgresql": PostgresWakeup, "sqlite": SqliteWakeup}.get(vendor, PollingWakeup)
