"""rq: jobs and results in Redis. The join is by hand: a job that depends on all the others is slower."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

from redis import Redis
from rq import Queue
from rq.job import Job
from rq.registry import FinishedJobRegistry

from . import work

_redis = Redis.from_url(os.environ[work.REDIS])
_queue = Queue(connection=_redis)
_children: list[str] = []


def total(jobs: list[str]) -> int:
    """Finish the children, whose jobs these are."""
    return work.total(_results(jobs), len(jobs))


def prepare() -> None: ...


def meet() -> None:
    jobs = [_queue.enqueue(work.meet) for _ in range(2)]
    work.until(lambda: all(job.is_finished for job in jobs), 0.01)


def start_one() -> Callable[[], bool]:
    job = _queue.enqueue(work.square, 1)
    return lambda: job.get_status() == "finished"


def fan_out(children: int) -> None:
    registry = FinishedJobRegistry(queue=_queue)
    before = registry.count
    jobs = _queue.enqueue_many([Queue.prepare_data(work.square, (number,)) for number in range(children)])
    _children[:] = [job.id for job in jobs]
    work.until(lambda: registry.count - before >= children, work.JOIN_EVERY)
    last = _queue.enqueue(total, _children)
    work.until(lambda: last.is_finished, work.JOIN_EVERY)


def stored() -> int:
    return sum(result is not None for result in _results(_children))


def _results(jobs: list[str]) -> Iterable[int]:
    for job in Job.fetch_many(jobs, _redis):
        if job is not None:
            yield job.return_value()
