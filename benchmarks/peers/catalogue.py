"""The peers that are measured, and what is to be known of each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """One peer, or one way to run it."""

    name: str
    #: Of this package; it holds the peer's side of the work.
    module: str
    #: What is installed, into the environment of that name. The first is the one whose version is told.
    environment: str
    requirements: tuple[str, ...]
    #: The processes that run the jobs; each command begins with a program of the environment.
    workers: tuple[tuple[str, ...], ...]
    isolation: str
    results: str
    durable: str
    note: str = ""
    settings: str = ""
    uses_redis: bool = False
    #: The lowest Python that it runs on.
    python: tuple[int, int] = (3, 11)


def _rq(name: str, worker: str, isolation: str) -> Peer:
    return Peer(
        name=name,
        module="rq",
        environment="rq",
        requirements=("rq>=3,<4",),
        workers=(("rq", "worker", "--quiet", "--worker-class", worker),) * 2,
        isolation=isolation,
        results="Redis",
        durable="no",
        note="join by hand",
        uses_redis=True,
    )


def _celery(name: str, settings: str, results: str, durable: str) -> Peer:
    return Peer(
        name=name,
        module="celery",
        environment="celery",
        requirements=("celery[redis]>=5.7,<6", "django-celery-results>=2.6,<3", *_DJANGO),
        workers=(("celery", "-A", "benchmarks.peers.celery", "worker", "--concurrency", "2", "--loglevel", "ERROR"),),
        isolation="none",
        results=results,
        durable=durable,
        note="messages in Redis",
        settings=settings,
        uses_redis=True,
    )


_POSTGRESQL = "psycopg[binary]>=3.3,<4"
_DJANGO = ("Django>=5.2,<5.3", _POSTGRESQL)

PEERS = (
    _rq("rq, a fork per job", "rq.worker.Worker", "process"),
    _rq("rq, no fork", "rq.worker.SimpleWorker", "none"),
    Peer(
        name="django-tasks-db",
        module="tasks_db",
        environment="django-tasks-db",
        requirements=("django-tasks-db[compat]>=0.13,<0.14", *_DJANGO),
        workers=(("python", "-m", "django", "db_worker", "--interval", "0.02", "--verbosity", "0"),) * 2,
        isolation="none",
        results="PostgreSQL",
        durable="yes",
        note="join by hand",
        settings="tasks_db",
    ),
    _celery("Celery chord", "celery", "PostgreSQL", "results only"),
    _celery("Celery chord", "celery_redis", "Redis", "no"),
    Peer(
        name="procrastinate",
        module="procrastinate",
        environment="procrastinate",
        requirements=("procrastinate>=3.10,<4", _POSTGRESQL),
        workers=(("procrastinate", "--app", "benchmarks.peers.procrastinate.app", "worker", "--concurrency", "4"),) * 2,
        isolation="none",
        results="PostgreSQL",
        durable="yes",
        note="results and join by hand",
    ),
    Peer(
        name="DBOS",
        module="dbos",
        environment="dbos",
        requirements=("dbos>=3.4,<4", _POSTGRESQL),
        workers=(("python", "-m", "benchmarks.peers.dbos"),) * 2,
        isolation="none",
        results="PostgreSQL",
        durable="yes",
    ),
    Peer(
        name="django-q2",
        module="q2",
        environment="django-q2",
        requirements=("django-q2>=1.11,<2", *_DJANGO),
        workers=(("python", "-m", "django", "qcluster"),),
        isolation="none",
        results="PostgreSQL",
        durable="yes",
        note="join by hand",
        settings="q2",
    ),
    Peer(
        name="django-ox",
        module="ox",
        environment="django-ox",
        requirements=("django-ox>=1.9,<2", "Django>=6.1,<6.2", _POSTGRESQL),
        workers=(("python", "-m", "django", "ox_worker", "--concurrency", "4", "--interval", "0.02"),) * 2,
        isolation="none",
        results="PostgreSQL",
        durable="yes",
        note="join by hand; on Python 3.12 or newer, with Django 6.1",
        settings="ox",
        python=(3, 12),
    ),
)
