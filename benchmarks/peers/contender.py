"""Who takes part, and what came of the runs."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Protocol

from ..report import rounded
from .catalogue import Peer
from .environment import Environment
from .trial import Measured, run


class Contender(Protocol):
    """What is measured: a peer, or this package."""

    name: str
    isolation: str
    results: str
    durable: str
    note: str
    version: str

    def run(self, children: int, samples: int) -> Measured: ...


class Installed:
    """A peer in its environment."""

    def __init__(self, peer: Peer, environment: Environment, urls: tuple[str | None, str]) -> None:
        self.name, self.isolation, self.note = peer.name, peer.isolation, peer.note
        self.results, self.durable = peer.results, peer.durable
        self.version = "–"
        self._peer, self._environment, self._urls = peer, environment, urls

    def run(self, children: int, samples: int) -> Measured:
        """Run the peer once; install it before the first time."""
        self._environment.install()
        self.version = self._environment.version()
        return run(self._peer, self._environment, self._urls, children, samples)


@dataclass
class Entry:
    """A contender's line of the table."""

    contender: Contender
    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    problem: str = ""

    @property
    def is_ours(self) -> bool:
        return not isinstance(self.contender, Installed)

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    def cells(self) -> tuple[str, ...]:
        one = self.contender
        numbers = (self.rate, min(self.rates), max(self.rates)) if self.rates else ()
        latency = rounded(statistics.median(self.latencies)) if self.latencies else "–"
        return (
            one.name, one.version, one.isolation, one.results, one.durable,
            *(tuple(map(rounded, numbers)) or ("–",) * 3), latency, str(len(self.rates)), self._remark(),
        )  # fmt: skip

    def _remark(self) -> str:
        if not self.problem:
            return self.contender.note
        return f"{'FAILED THEN' if self.rates else 'NOT MEASURED'}: {self.problem}"

    def document(self) -> dict[str, object]:
        one = self.contender
        return {
            "peer": one.name, "version": one.version, "isolation": one.isolation, "results": one.results,
            "durable": one.durable, "note": one.note, "children/s": self.rates, "latency ms": self.latencies,
            "not measured": self.problem,
        }  # fmt: skip
