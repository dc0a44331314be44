"""One stage run by hand, in this process: registered, claimed and recorded like a manager's."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from uuid import UUID, uuid4

from django.db import transaction

from .. import __version__
from ..builder import TaskBuilder
from ..conf import config
from ..context import TaskStageContext
from ..exceptions import TaskNotFound
from ..identifiers import uuid7
from ..lifecycle import Ending, LockFile, host, process_started
from ..messages import Link, Report, Request
from ..models import Task, TaskStage
from ..node import nodes
from ..processing import Processing
from ..runtime import run
from ..storage.values import NewManager, NewTask


class _Terminal(Link):
    """The link of a stage that has no manager but this process."""

    def __init__(self, processing: Processing, request: Request, *, records: bool) -> None:
        self._processing = processing
        self._request = request
        self._records = records

    def progress(self, done: float, total: float, message: str) -> None:
        sys.stderr.write(f"{done:g} of {total:g} {message}\n")

    def checkpoint(self, cursor: str) -> bool:
        if not self._records:
            return True
        return self._processing.checkpoint(self._request.stage, self._request.token, cursor)


class _RehearsalBuilder(TaskBuilder):
    """Builds nested tasks that are checked like others, and not stored: nobody will wait for them."""

    def _promise(self, new: NewTask, stages: Iterator[tuple[str, str]], context: TaskStageContext) -> Task:
        count = sum(1 for _ in stages)
        return Task(uuid=uuid7(), node=self.node.label, title=new.title, options=new.options(), total_count=count)


def run_by_hand(node: str, task: UUID, stage: UUID) -> Report:
    """Claim the stage, run it and record its outcome; raise TaskBusy when it may not start now."""
    _find(node, task, stage)
    processing = Processing(nodes[node], uuid7())
    lock, pid = LockFile(config().lock_dir, processing.manager), os.getpid()
    processing.enlist(
        NewManager(processing.manager, host(), pid, process_started(pid), lock.path, "by hand", 1, __version__)
    )
    try:
        claim, request = processing.claim_one(stage)
        lock.note(claim.token)
        started = time.monotonic()
        report = run(request, _Terminal(processing, request, records=True))
        if not report.recorded:
            processing.record([Ending(claim, report, host=host(), pid=pid, duration=time.monotonic() - started)])
        while processing.settle().unsettled:
            pass
        return report
    finally:
        processing.dismiss()
        lock.release()


def rehearse(node: str, task: UUID, stage: UUID) -> Report:
    """Run the stage as it stands, record nothing, and take back what an atomic one wrote."""
    row = _find(node, task, stage)
    processing = Processing(nodes[node], uuid7())
    request, is_atomic = processing.rehearsal(row, uuid4())
    link = _Terminal(processing, request, records=False)
    if not is_atomic:
        return run(request, link, _RehearsalBuilder)
    with transaction.atomic(using=processing.node.database):
        report = run(request, link, _RehearsalBuilder)
        transaction.set_rollback(True, using=processing.node.database)
    return report


def _find(node: str, task: UUID, stage: UUID) -> TaskStage:
    row = nodes[node].stage_query.get(stage)
    if row.task_id != task:
        raise TaskNotFound(f"Stage {stage} is not of task {task}.")
    return row
