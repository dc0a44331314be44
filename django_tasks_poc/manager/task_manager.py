"""The manager of one node."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ..connections import prepare_connections
from ..exceptions import ManagerLost, NotMigrated
from .life import Life
from .options import TaskManagerOptions
from .stopping import Stop

logger = logging.getLogger("django_tasks_poc")


class TaskManager:
    """Starts and watches the processes of a node's stages: ``TaskManager().run(TaskManagerOptions())``."""

    def __init__(self, watch: Callable[[Life], None] | None = None) -> None:
        self._watch = watch

    def run(self, options: TaskManagerOptions | None = None) -> int:
        """Work until a signal, ``run_for`` or ``drain`` ends it.

        Returns 0, or 1 when ``drain`` is on and a root task ended ERROR meanwhile.
        Raises TaskError when it cannot begin.
        """
        options = options or TaskManagerOptions()
        options.check_program()
        prepare_connections()
        return asyncio.run(self._run(options))

    async def _run(self, options: TaskManagerOptions) -> int:
        stop, has_failed = Stop(), False
        with stop.on_signals():
            while not stop.requested.is_set():
                life = Life(options, stop, self._watch)
                try:
                    await life.live()
                except ManagerLost as lost:
                    logger.error("This manager was declared dead and begins anew: %s", lost)
                except NotMigrated as missing:
                    if not life.may_wait:
                        raise
                    logger.error("This manager stops working: %s", missing)
                has_failed |= life.records.has_failed
        return int(options.drain and has_failed)
