"""What happens in a storm, and when: all of it by chance from the seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from . import faults, forest, users

#: Seconds of a storm; the calm behind it takes about as long.
SECONDS = 8.0
#: A second of the storm has so many new trees.
_TREES = 3.0


@dataclass(frozen=True)
class Planting:
    """A tree that is built."""

    at: float
    tree: forest.Tree


@dataclass(frozen=True)
class Plan:
    """What is built and who is hit, all by chance from the seed."""

    seed: int
    seconds: float
    trees: Sequence[Planting]
    faults: Sequence[faults.Fault]
    verbs: Sequence[users.Verb] = ()
    #: Whether the storm is over when all that was built has ended.
    ends_early: bool = False
    #: Seconds that a manager may take to run what is left.
    rest: float = 60.0


def plan(seed: int, seconds: float, rest: float = 60.0) -> Plan:
    """Return the plan of a storm of so many seconds, after which all that is left takes up to ``rest`` seconds."""
    chance = random.Random(seed)
    moments = sorted(chance.uniform(0, 0.8 * seconds) for _ in range(int(_TREES * seconds)))
    trees = [Planting(at, forest.plant(chance, f"tree {number}")) for number, at in enumerate(moments)]
    return Plan(seed, seconds, trees, faults.plan(chance, seconds), users.plan(chance, seconds), rest=rest)


def plan_of_rows(seed: int, count: int) -> Plan:
    """Return the plan of one task of atomic stages that succeed in the end, under kills that follow closely."""
    chance = random.Random(seed)
    stages = [["WritesAgain", {"seconds": round(chance.uniform(0, 0.01), 4)}] for _ in range(count)]
    tree = {"title": "rows", "stages": stages, "options": {"parallel": True}}
    kinds = {"stage": 20, "fork server": 2, "manager": 1, "database": 1}
    return Plan(seed, 15.0, [Planting(0.0, tree)], faults.plan(chance, 15.0, kinds, 0.12), ends_early=True)
