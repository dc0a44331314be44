"""The transaction of an atomic stage: the handler's writes and its outcome commit together, or not at all."""

from __future__ import annotations

import resource
import time
from types import TracebackType
from typing import Self

from django.db import connections, transaction

from ..exceptions import InvalidHandler, TokenLost
from ..lifecycle import Ending, decide
from ..messages import Link, Report, Request
from ..node import nodes
from ..storage.values import Claim


class AtomicScope:
    """Holds the transaction open around ``handle``; it is the stage's link, so that a checkpoint commits it."""

    #: Seconds until a stage is due again that the database interrupted.
    PAUSE = 0.05

    def __init__(self, request: Request, link: Link) -> None:
        self._request = request
        self._link = link
        self._node = nodes[request.node]
        self._started = time.monotonic()
        self._usage = resource.getrusage(resource.RUSAGE_SELF)
        self._atomic: transaction.Atomic | None = None

    @property
    def database(self) -> str:
        """The alias of the one database that the transaction is on."""
        return self._node.database

    def __enter__(self) -> Self:
        self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._atomic is not None:
            atomic, self._atomic = self._atomic, None
            atomic.__exit__(kind, error, trace)

    def _begin(self) -> None:
        self._atomic = transaction.atomic(using=self.database, durable=True)
        self._atomic.__enter__()

    def _commit(self) -> None:
        self.__exit__(None, None, None)

    def roll_back(self) -> None:
        """Take back what the handler wrote."""
        transaction.set_rollback(True, using=self.database)

    def record(self, report: Report) -> Report:
        """Record the outcome as the transaction's last statements, and commit."""
        if connections[self.database].closed_in_transaction:
            raise InvalidHandler("An atomic stage closed the connection of its transaction; leave it open.")
        command = self._node.stage_command
        recorded = command.record([decide(self._ending(report))])
        if recorded.refused:
            raise TokenLost(f"Stage {self._request.stage} was started anew elsewhere; what it wrote is taken back.")
        self._commit()
        report.recorded = True
        report.ended = tuple(task.uuid for task in recorded.ended)
        report.unsettled = recorded.unsettled
        return report

    def _ending(self, report: Report) -> Ending:
        request, usage = self._request, resource.getrusage(resource.RUSAGE_SELF)
        claim = Claim(
            task=request.task, root=request.task, depth=0, stage=request.stage, order=0, is_finally=False,
            handler=request.handler, params="", token=request.token, attempt=request.attempt, spent=request.attempt,
            lost=0, cursor="", options="{}",
        )  # fmt: skip
        return Ending(
            claim, report, duration=time.monotonic() - self._started,
            user_cpu=usage.ru_utime - self._usage.ru_utime, system_cpu=usage.ru_stime - self._usage.ru_stime,
            max_rss=usage.ru_maxrss,
        )  # fmt: skip

    def may_succeed_again(self, error: Exception) -> bool:
        """Say whether the database interrupted the stage through no fault of its own."""
        return self._node.stage_command.is_transient(error)

    # The link.

    def progress(self, done: float, total: float, message: str) -> None:
        self._link.progress(done, total, message)

    def checkpoint(self, cursor: str) -> bool:
        """Commit the writes so far with the cursor, and begin anew."""
        if not self._node.stage_command.checkpoint(self._request.stage, self._request.token, cursor):
            return False
        self._commit()
        self._begin()
        return True
