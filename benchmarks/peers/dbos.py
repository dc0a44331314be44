"""DBOS: durable workflows in PostgreSQL, whose parent waits for its children. As a program, it is a worker."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import cache

from dbos import DBOS, DBOSClient

from . import work

_URL = os.environ[work.DATABASE]
#: Of the children, and of what waits for them. A worker takes so many children at once.
_CHILDREN, _PARENTS, SLOTS = "children", "parents", 4
_VERSION = "1"
_POLL = 0.02

DBOS(config={"name": "peers", "system_database_url": _URL, "application_version": _VERSION, "log_level": "ERROR"})


@DBOS.workflow()
def square(number: int) -> int:
    return work.square(number)


@DBOS.workflow()
def meeting() -> int:
    return work.meet()


@DBOS.workflow()
def parent(children: int) -> int:
    """Fan out, and finish the children."""
    queue = DBOS.retrieve_queue(_CHILDREN)
    handles = [queue.enqueue(square, number) for number in range(children)]
    return work.total((handle.get_result(polling_interval_sec=_POLL) for handle in handles), children)


def prepare() -> None:
    DBOS.launch()
    DBOS.register_queue(_CHILDREN, worker_concurrency=SLOTS, polling_interval_sec=_POLL)
    DBOS.register_queue(_PARENTS, worker_concurrency=1, polling_interval_sec=_POLL)
    DBOS.destroy()


def meet() -> None:
    for is_done in [_start("meeting", _CHILDREN) for _ in range(2 * SLOTS)]:
        work.until(is_done, 0.01)


def start_one() -> Callable[[], bool]:
    return _start("square", _CHILDREN, 1)


def fan_out(children: int) -> None:
    work.until(_start("parent", _PARENTS, children), work.JOIN_EVERY)


def stored() -> int:
    children = _client().list_workflows(name="square", queue_name=_CHILDREN, status="SUCCESS")
    return sum(child.parent_workflow_id is not None and child.output is not None for child in children)


def _start(name: str, queue: str, *arguments: int) -> Callable[[], bool]:
    """Queue a workflow; return what tells whether it is done."""
    options = {"workflow_name": name, "queue_name": queue, "app_version": _VERSION}
    handle = _client().enqueue(options, *arguments)
    return lambda: handle.get_status().status == "SUCCESS"


@cache
def _client() -> DBOSClient:
    return DBOSClient(system_database_url=_URL, application_name="peers")


if __name__ == "__main__":
    DBOS.launch()
    signal.sigwait([signal.SIGTERM])
    DBOS.destroy()
