"""Being a manager for the time of a test's work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from ..identifiers import uuid7
from ..lifecycle import host, process_started
from ..models import ManagerProcess
from ..node import nodes
from ..processing import Processing
from ..storage.values import NewManager


@contextmanager
def managing(node: str) -> Iterator[Processing]:
    """Be a manager of the node meanwhile, and leave no row behind."""
    processing, pid = Processing(nodes[node], uuid7()), os.getpid()
    alias = processing.node.database
    started = process_started(pid)
    processing.enlist(NewManager(processing.manager, host(), pid, started, "", "inline", 1, "testing"))
    try:
        yield processing
    finally:
        # A transaction that is broken takes the row with it.
        if not connections[alias].needs_rollback:
            ManagerProcess.objects.using(alias).filter(uuid=processing.manager).delete()
