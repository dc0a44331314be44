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
    #: The lowest Python that it runs on.
    python: tuple[int, int] = (3, 11)

    @property
    def uses_redis(self) -> bool:
        return "Redis" in self.results or "Redis" in self.durable


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
    )


PEERS = (
    _rq("rq, a fork per job", "rq.worker.Worker", "process"),
    _rq("rq, no fork", "rq.worker.SimpleWorker", "none"),
)
