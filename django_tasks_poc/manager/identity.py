"""Who a manager is: its uuid, its process, its lock file."""

from __future__ import annotations

import os
from uuid import UUID

from .. import __version__
from ..conf import config
from ..identifiers import uuid7
from ..lifecycle import LockFile, host, process_started
from ..storage.values import NewManager
from .options import TaskManagerOptions


class Identity:
    """One life of a manager; a manager that was declared dead begins another."""

    def __init__(self, options: TaskManagerOptions) -> None:
        self.uuid: UUID = uuid7()
        self.lock = LockFile(config().lock_dir, self.uuid)
        self._options = options

    def row(self) -> NewManager:
        pid = os.getpid()
        return NewManager(
            uuid=self.uuid, host=host(), pid=pid, process_started=process_started(pid), lock_file=self.lock.path,
            executor=self._options.executor or "", queue_size=self._options.slots, version=__version__,
        )  # fmt: skip
