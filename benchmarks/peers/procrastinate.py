"""procrastinate: jobs in PostgreSQL. It keeps no results and has no join, so both are by hand."""

from __future__ import annotations

import os
from collections.abc import Callable

from procrastinate import App, PsycopgConnector

from . import work

app = App(connector=PsycopgConnector(conninfo=os.environ[work.DATABASE]))
_TABLE = "CREATE TABLE results (job bigint PRIMARY KEY, value bigint NOT NULL)"
_INSERT = "INSERT INTO results (job, value) VALUES (%(job)s, %(value)s)"
_READ = "SELECT value FROM results WHERE job = ANY(%(jobs)s)"
_OPEN = "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing')) AS are_open"
_DONE = "SELECT count(*) AS done FROM procrastinate_jobs WHERE status = 'succeeded' AND id = ANY(%(jobs)s)"
#: Jobs that a worker takes at once.
SLOTS = 4
_children: list[int] = []


@app.task(pass_context=True)
async def square(context, number: int) -> None:
    """Store the square with the job's id."""
    await app.connector.execute_query_async(_INSERT, job=context.job.id, value=work.square(number))


@app.task
def meeting() -> None:
    work.meet()


@app.task
async def total(jobs: list[int]) -> None:
    """Finish the children, whose jobs these are."""
    rows = await app.connector.execute_query_all_async(_READ, jobs=jobs)
    work.total([row["value"] for row in rows], len(jobs))


def prepare() -> None:
    with app.open():
        app.schema_manager.apply_schema()
        app.connector.get_sync_connector().execute_query(_TABLE)


def meet() -> None:
    app.open()
    jobs = meeting.batch_defer(*[{}] * (2 * SLOTS))
    work.until(lambda: _done(jobs) == len(jobs), 0.01)


def start_one() -> Callable[[], bool]:
    job = square.defer(number=1)
    return lambda: _done([job]) == 1


def fan_out(children: int) -> None:
    _children[:] = square.batch_defer(*({"number": number} for number in range(children)))
    work.until(lambda: not _are_open(), work.JOIN_EVERY)
    last = total.defer(jobs=_children)
    work.until(lambda: _done([last]) == 1, work.JOIN_EVERY)


def stored() -> int:
    return len(app.connector.get_sync_connector().execute_query_all(_READ, jobs=_children))


def _are_open() -> bool:
    """Look whether any job is left, which costs less than to look at each."""
    return app.connector.get_sync_connector().execute_query_one(_OPEN)["are_open"]


def _done(jobs: list[int]) -> int:
    return app.connector.get_sync_connector().execute_query_one(_DONE, jobs=jobs)["done"]
