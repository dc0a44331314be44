"""All contenders, run in turn, and how they compare."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable

from .. import databases
from ..managers import REPEAT
from ..report import Figure, aligned
from .catalogue import PEERS
from .contender import Contender, Entry, Installed
from .environment import PYTHON, Environment, Unavailable
from .ours import Ours, ways
from .trial import Failed

_HEAD = (
    "peer", "version", "isolation", "results in", "durable", "median", "min", "max", "latency ms", "of", "",
)  # fmt: skip
#: Single jobs of the first run that are measured.
_SAMPLES = 20
_MEANING = (
    "Children a second of a fan-out of {:,}, from the start of the first child to the end of what finishes them, with "
    "two worker processes.\nThe latency is that of one job on idle workers, from queued to seen done."
)


class Comparison:
    """A table of contenders."""

    def __init__(self, children: int, redis: str, only: str) -> None:
        self._children = children
        contenders: list[Contender] = [*_peers(redis), *ways()]
        wanted = tuple(name.strip().lower() for name in only.split(",") if name.strip()) or ("",)
        self.entries = [Entry(one) for one in contenders if one.name.lower().startswith(wanted)]

    def run(self) -> None:
        """Run each once, then each once more, and so on: what else the machine does meanwhile hits them alike."""
        for number in range(REPEAT):
            for entry in self.entries:
                if not entry.problem:
                    self._run(entry, samples=0 if number else _SAMPLES)

    def _run(self, entry: Entry, samples: int) -> None:
        one = entry.contender
        print(f"{one.name}, {one.results} ...", end=" ", file=sys.stderr, flush=True)
        try:
            measured = one.run(self._children, samples)
        except Exception as error:  # one that fails must not end the others
            is_known = isinstance(error, (Failed, Unavailable))
            entry.problem = str(error) if is_known else f"{type(error).__name__}: {error}"
            print(f"NOT MEASURED: {entry.problem}", file=sys.stderr)
        else:
            entry.rates.append(measured.rate)
            entry.latencies += measured.latencies
            print(f"{measured.rate:,.0f}/s", file=sys.stderr)

    def lines(self) -> list[str]:
        rows = [_HEAD, *(entry.cells() for entry in self.entries)]
        return [_MEANING.format(self._children), "", *aligned(rows, numbers=range(5, 10))]

    def goals(self, notes: list[str]) -> list[Figure]:
        """Return how much faster ours are; what cannot be told becomes a note."""
        reused = self._ours(lambda way: bool(way.arguments))
        each = self._ours(lambda way: not way.arguments)
        goals = [
            ("ours reused / best durable peer", reused, self._best(lambda one: one.durable != "no"), 5),
            ("ours reused / best of all", reused, self._best(lambda one: True), 1),
            ("ours, a process each / best that isolates", each, self._best(_isolates), 3),
        ]
        notes += [f"NOT MEASURED: {what}" for what, ours, best, _ in goals if ours is None or best is None]
        return [_ratio(what, ours, best, floor) for what, ours, best, floor in goals if ours and best]

    def _ours(self, is_meant: Callable[[Ours], bool]) -> Entry | None:
        """Return the entry of ours on PostgreSQL, as the peers are."""
        for entry in self.entries:
            one = entry.contender
            if isinstance(one, Ours) and one.node == "postgresql" and is_meant(one) and entry.rates:
                return entry
        return None

    def _best(self, is_meant: Callable[[Contender], bool]) -> Entry | None:
        peers = [entry for entry in self.entries if not entry.is_ours and entry.rates and is_meant(entry.contender)]
        return max(peers, key=lambda entry: entry.rate, default=None)

    def document(self) -> dict[str, object]:
        return {"children": self._children, "peers": [entry.document() for entry in self.entries]}


def _peers(redis: str) -> Iterable[Installed]:
    ours = os.environ.get(databases.POSTGRESQL)
    # Beside the database of ours, on the same server.
    urls = (f"{ours}_peer" if ours else None, redis)
    for peer in PEERS:
        yield Installed(peer, Environment(peer, os.environ.get(PYTHON)), urls)


def _isolates(one: Contender) -> bool:
    return one.isolation == "process"


def _ratio(what: str, ours: Entry, best: Entry, floor: float) -> Figure:
    # Run by run, as the two of a round had about the same machine.
    ratios = [mine / theirs for mine, theirs in zip(ours.rates, best.rates, strict=False)]
    return Figure("peers", f"{what} ({best.contender.name})", "postgresql", "×", ratios).must_reach(floor)
