"""What is built: trees of depth up to 3, chosen by chance, as JSON that a stage takes for a param."""

from __future__ import annotations

import random
from typing import Any

from django_tasks_poc import EntityWrapper, RetryPolicy, TaskBuilder, TaskDraft

#: A tree: its title, its stages as (class, params), the options of its draft.
Tree = dict[str, Any]

DEPTH = 3
_HANDLERS = "tests.chaos.handlers."
#: How leaves end, and how often.
_WAYS = {
    "Leaf": {
        "success": 40, "raise": 6, "error": 4, "skip": 5, "delay": 5, "pause": 1, "cancel": 1, "crash": 3, "exit": 2,
    },
    "Quick": {"success": 3, "hang": 1},
    "Again": {"success": 10, "flaky": 10, "crash": 2, "raise": 2},
    "Writes": {"success": 12, "raise": 3, "error": 2, "crash": 2},
    "WritesAgain": {"success": 12, "flaky": 3},
    "Halves": {"success": 8, "raise": 2, "crash": 1},
}  # fmt: skip
_LEAVES = {"Leaf": 50, "Quick": 3, "Again": 20, "Writes": 10, "WritesAgain": 10, "Halves": 6}
_ATOMIC = ("Writes", "WritesAgain", "Halves")


def plant(chance: random.Random, title: str, depth: int = DEPTH) -> Tree:
    """Return a tree that has up to ``depth`` levels of waits below its root."""
    parallel = chance.random() < (0.3 if depth == DEPTH else 0.75)
    options = _options(chance, parallel)
    stages: list[list[Any]] = []
    # A retry runs anew what comes after a wait: an atomic stage there would have a row for each time.
    may_write = True
    for number in range(_width(chance, depth, parallel)):
        if depth and chance.random() < 0.45:
            fan = "WritesFan" if chance.random() < 0.25 else "Fan"
            nested = plant(chance, f"{title}.{number}", depth - chance.choice([1, 1, 2][: depth + 1]))
            stages.append([fan, {"nested": nested, "seconds": _seconds(chance) / 3}])
            may_write = parallel
            if not parallel:
                stages.append(["Join", {}])
        else:
            stages.append(_leaf(chance, may_write))
    return {"title": title, "stages": stages, "options": options}


def _width(chance: random.Random, depth: int, parallel: bool) -> int:
    if depth == DEPTH:
        return chance.randint(1, 4)
    if parallel and chance.random() < 0.1:
        return chance.randint(15, 40) if not depth else chance.randint(6, 9)
    return chance.randint(0 if chance.random() < 0.2 else 1, 4)


def _leaf(chance: random.Random, may_write: bool) -> list[Any]:
    weights = {name: weight for name, weight in _LEAVES.items() if may_write or name not in _ATOMIC}
    name = _pick(chance, weights)
    return [name, {"how": _pick(chance, _WAYS[name]), "seconds": _seconds(chance) / (4 if name in _ATOMIC else 1)}]


def _options(chance: random.Random, parallel: bool) -> dict[str, Any]:
    options: dict[str, Any] = {"parallel": parallel, "shared": {"number": chance.randrange(100)}}
    for share, name, values in (
        (0.6, "finally", [0.0, 0.01, 0.05]),
        (0.3, "on_error", ["STOP", "CONTINUE", "CONTINUE"]),
        (0.2, "max_failures", [0, 1, 3, "50%"]),
        (0.3, "max_parallel", [1, 2, 5]),
        (0.3, "priority", [-5, 5, 50]),
        (0.15, "delay", [0.2, 0.5]),
        (0.2, "retry", [2, 3]),
        (0.1, "timeout", [1, 2]),
    ):
        if chance.random() < share:
            options[name] = chance.choice(values)
    if not parallel:
        options.pop("max_parallel", None)
    if options.get("on_error") == "STOP":
        options.pop("max_failures", None)
    return options


def _seconds(chance: random.Random) -> float:
    return round(min(chance.expovariate(40), 0.5), 3)


def _pick(chance: random.Random, weights: dict[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]


def draft(builder: TaskBuilder, tree: Tree) -> TaskDraft:
    """Return the draft of a tree."""
    options = dict(tree["options"])
    if "finally" in options:
        options["finally_"] = EntityWrapper(f"{_HANDLERS}Last", {"seconds": options.pop("finally")})
    if "retry" in options:
        options["retry"] = RetryPolicy(max_attempts=options["retry"], delay=0.05)
    made = builder.create(tree["title"], **options)
    made.extend(EntityWrapper(f"{_HANDLERS}{name}", params) for name, params in tree["stages"])
    return made


def size(tree: Tree) -> int:
    """Return how many stages the tree may have."""
    return sum(1 + size(params["nested"]) if "nested" in params else 1 for _, params in tree["stages"])
