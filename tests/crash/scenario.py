"""What is run and killed: a user who builds tasks and acts on one, and a manager that runs all there is to run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import F

from django_tasks_poc import EntityWrapper, TaskBuilder, TaskExists, results
from django_tasks_poc import processing as processing_module
from django_tasks_poc.identifiers import uuid7
from django_tasks_poc.lifecycle import Ending, host, process_started
from django_tasks_poc.messages import Link, Request
from django_tasks_poc.models import Task
from django_tasks_poc.node import nodes
from django_tasks_poc.processing import Processing
from django_tasks_poc.purging import PurgeCursor, PurgeWish
from django_tasks_poc.runtime import run
from django_tasks_poc.storage.orm import build, ending, locks, record, sweep, verbs
from django_tasks_poc.storage.values import Claim, NewManager

from .handlers import Cleanup, Doomed, Leaves, Patient, Pool, Refuse, Report, Rows, Step, Witness, witness
from .points import phase
from .user import User

TASKS: dict[str, tuple[type[Step], ...]] = {
    "main": (Rows, Report, Patient),
    "stop": (Step, Refuse, Step, Step, Step, Step),
    "cancel": (Doomed, Step, Step),
    "old": (Leaves,),
    "acted on": (Pool, Step),
}

#: Purged in the end, when all is done.
OLD = "old"
#: The task on which a user acts; it is built alone, so that what it takes to kill each verb everywhere is little.
ACTED_ON = "acted on"
#: Built in a transaction of its own; the others in one with a row of the user's.
ALONE = "cancel"
#: Stages claimed at once; their outcomes are recorded two at a time.
AT_ONCE = 5
_BATCH = 2
#: Rows that one transaction of a purge deletes.
_PURGED = 3
_ROUNDS = 100


def set_small_pieces() -> None:
    """Make work in pieces take several pieces, so that a process can be killed between two of them."""
    build._PIECE = 4
    ending.settle.__defaults__ = (1,)  # may_close
    sweep.CLOSED_AT_ONCE = 1
    processing_module.PIECE = 2
    results._PIECE = 2


def build_tasks(titles: Iterable[str]) -> None:
    """Build what is not there yet."""
    for title in titles:
        with phase("build"):
            is_purged = title == OLD and Witness.objects.filter(name=f"build {title}").exists()
            if not is_purged and not Task.objects.filter(unique_key=title).exists():
                _build(title, TASKS[title])


def _build(title: str, steps: tuple[type[Step], ...]) -> None:
    builder = TaskBuilder()
    stages = [EntityWrapper(step, {"number": number}) for number, step in enumerate(steps)]
    cleanup = EntityWrapper(Cleanup, {"name": title})
    draft = builder.create(title, *stages, unique_key=title, shared={"rows": 100}, finally_=cleanup)
    if title == ALONE:
        builder.build(draft)
        return
    with transaction.atomic():
        witness(f"build {title}")
        builder.build(draft)


def refusal_of(title: str) -> TaskExists | None:
    """Try to build a task again; return how that was refused, and leave nothing behind."""
    try:
        with transaction.atomic():
            _build(title, TASKS[title])
            transaction.set_rollback(True)
    except TaskExists as refused:
        return refused
    return None


def work(titles: Iterable[str], broken: str = "") -> None:
    """Be a manager: take over from the dead, run what there is to run, and end when nothing is left.

    Beside it, be the user of one of the tasks.
    """
    user = User(ACTED_ON) if ACTED_ON in titles else None
    if user is not None:
        user.ask_again()
    processing = Processing(nodes["default"], uuid7())
    pid = os.getpid()
    with phase("enlist"):
        processing.enlist(NewManager(processing.manager, host(), pid, process_started(pid), "", "inline", 1, "crash"))
    with phase("rescue"):
        while broken != "rescue" and processing.rescue()[0].wakes:
            pass
    if user is not None:
        with phase("beat"):
            processing.beat(0)
    for _ in range(_ROUNDS):
        if not _round(processing, broken, user) and _is_at_rest(processing):
            _purge(processing)
            with phase("dismiss"):
                processing.dismiss()
            return
    raise AssertionError(f"The tasks do not come to rest in {_ROUNDS} rounds.")


def _purge(processing: Processing) -> None:
    """Let an hour pass for one of the tasks, and delete what is older than half an hour."""
    hour = timedelta(hours=1)
    Task.objects.visible().filter(title=OLD).update(
        created_at=F("created_at") - hour, finished_at=F("finished_at") - hour
    )
    command, wish = processing.node.task_command, PurgeWish(older_than=1800)
    cursor: PurgeCursor | None = PurgeCursor()
    while cursor is not None:
        with phase("purge"):
            cursor = command.purge(_PURGED, cursor, wish).next


def _round(processing: Processing, broken: str, user: User | None) -> int:
    """Do what a manager does in turn; return how many stages were run."""
    with phase("settle"):
        while processing.settle().unsettled:
            pass
    with phase("claim"):
        pairs, _ = processing.claim(AT_ONCE)
    if user is not None:
        user.act()
    endings = list(_run(processing, pairs, broken))
    for first in range(0, len(endings), _BATCH):
        with phase("record"):
            processing.record(endings[first : first + _BATCH])
    return len(pairs)


def _is_at_rest(processing: Processing) -> bool:
    with phase("discard"):
        while processing.discard_promised():
            pass
    with phase("drained"):
        drained = processing.is_drained()
    if not drained:
        time.sleep(0.005)  # something is due later
    return drained


def _run(processing: Processing, pairs: list[tuple[Claim, Request]], broken: str) -> Iterator[Ending]:
    """Run claimed stages; yield the ends that are to be recorded: atomic stages recorded their own."""
    for claim, request in pairs:
        if broken == "atomic":
            request = msgspec.structs.replace(request, atomic=False)
        with phase("atomic record" if request.atomic else "run"):
            report = run(request, _Here(processing, request))
        if not report.recorded:
            yield Ending(claim, report)


class _Here(Link):
    """The link of a stage that runs in its manager's process."""

    def __init__(self, processing: Processing, request: Request) -> None:
        self._processing = processing
        self._request = request

    def progress(self, done: float, total: float, message: str) -> None:
        """Nobody watches."""

    def checkpoint(self, cursor: str) -> bool:
        with phase("checkpoint"):
            return self._processing.checkpoint(self._request.stage, self._request.token, cursor)


@contextmanager
def _no_transaction(alias: str) -> Iterator[None]:
    yield


def break_code(broken: str) -> None:
    """Take a guarantee away, to see that it is missed."""
    if broken in ("record", "verb"):
        untransacted: Any = _no_transaction
        (record if broken == "record" else verbs).writing = untransacted
        locks.locked = lambda rows, alias: rows
