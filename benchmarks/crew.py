"""What several managers of one node cost one another."""

from __future__ import annotations

from contextlib import ExitStack

from django_tasks_poc.models import ManagerProcess
from django_tasks_poc.node import nodes

from . import fanout, managers
from .report import Figure

#: Stages, managers of one slot each beside one of as many slots, and stages that are run before.
STAGES, CREW, _WARM = 20_000, 4, 400
#: What several must reach of the rate of one.
BOUND = 0.9


def measure(node: str) -> list[Figure]:
    """Measure where managers share a database server."""
    if nodes[node].vendor != "postgresql":
        return []
    rates, alone, ratios = fanout.beside(lambda: rate(node, CREW, 1), lambda: rate(node, 1, CREW))
    name = f"{STAGES:,}, {CREW} managers of 1 slot"
    return [
        Figure("crew", name, node, "stages/s", rates),
        Figure("crew", f"limit: 1 manager of {CREW} slots", node, "stages/s", alone),
        Figure("crew", f"{name}: of one manager", node, "×", ratios).must_reach(BOUND),
    ]


def rate(node: str, number: int, slots: int) -> float:
    """Return the stages a second of so many managers with so many slots each."""
    arguments = ("--max-stages-per-process", "1000", "--queue-size", str(slots))
    alive = ManagerProcess.objects.using(nodes[node].database).filter(node=node, stopped_at=None)
    with ExitStack() as stack:
        crew = [stack.enter_context(managers.running(node, *arguments)) for _ in range(number)]
        # What the others are warm by, one alone may have run.
        crew[0].wait(lambda: alive.count() == number, "The start of the managers", 0.05)
        fanout.run(crew[0], _WARM)
        done = fanout.rate_of(fanout.run(crew[0], STAGES))
        for member in crew:
            member.check()
        if alive.count() != number:
            raise managers.Failed(f"{alive.count()} of {number} managers are left")
    return done
