"""One storm: trees are built and acted upon while their managers, processes and connections are killed; then calm."""

from __future__ import annotations

import os
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from django.core.management import call_command
from django.db import transaction

from django_tasks_poc import TaskBuilder
from django_tasks_poc.models import Task

from ..support_threads import start
from . import faults, forest, invariants, users, witness
from .handlers import table
from .pair import Pair
from .plans import Plan, Planting

#: Seconds that a thread may take to end.
_HUNG = 60.0
#: So often is resumed what stages paused in the calm.
_MOST_DRAINS = 6


class Step(Protocol):
    """Something that happens at a moment, in seconds from the begin of the storm."""

    @property
    def at(self) -> float: ...


S = TypeVar("S", bound=Step)


@dataclass
class Result:
    """What was seen, and what of it may never happen."""

    plan: Plan
    figures: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return ", ".join(f"{name} {count}" for name, count in sorted(self.figures.items()))


class Storm:
    """Follows a plan in a folder of its own."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._pair = Pair(folder)
        self._connections = faults.Connections()
        self._striker = faults.Striker(self._pair, self._connections)
        self._crowd = users.Crowd()
        self._over = threading.Event()
        self._built = 0

    def run(self) -> Result:
        result = Result(self._plan)
        try:
            self._rage()
            self._calm()
        finally:
            self._pair.clear()
            self._connections.close()
        result.figures.update({f"kills: {kind}": count for kind, count in self._striker.done.items()})
        result.figures.update({f"managers ended {code}": count for code, count in self._pair.ends.items()})
        result.figures.update({f"verbs: {verb}": count for verb, count in self._crowd.done.items()})
        result.figures["roots"] = self._built
        result.violations += [*self._pair.wrong, *invariants.violations(result.figures)]
        return result

    def _rage(self) -> None:
        plan = self._plan
        self._pair.keep_up()
        for one in self._pair.up():
            one.wait_until_up()
        self._began = time.monotonic()
        threads = [
            self._follow(plan.trees, self._build),
            self._follow(plan.faults, self._striker.strike),
            *(self._follow(plan.verbs[number::2], self._crowd.act) for number in range(2)),
        ]
        while not self._is_over(threads[0]):
            for thread in threads:
                if thread.done():
                    thread.result()
            self._pair.keep_up()
            time.sleep(0.02)
        self._over.set()
        while not all(thread.done() for thread in threads):
            assert time.monotonic() < self._began + plan.seconds + _HUNG, "a thread of the test hangs"
            self._pair.keep_up()
            time.sleep(0.02)
        for thread in threads:
            thread.result()
        self._pair.end(random.Random(plan.seed))

    def _is_over(self, building: Future[None]) -> bool:
        if time.monotonic() > self._began + self._plan.seconds:
            return True
        return self._plan.ends_early and building.done() and not Task.objects.filter(finished_at=None).exists()

    def _follow(self, steps: Sequence[S], act: Callable[[S], Any]) -> Future[None]:
        """Begin to do the steps, each at its moment, until the storm is over."""

        def follow() -> None:
            for step in steps:
                if self._over.wait(max(0.0, self._began + step.at - time.monotonic())):
                    return
                act(step)

        return start(follow)

    def _build(self, planting: Planting) -> None:
        builder = TaskBuilder()
        with transaction.atomic():
            builder.build(forest.draft(builder, planting.tree))
        self._built += 1

    def _calm(self) -> None:
        """Let all that is left come to its end, then some of what failed once more."""
        self._crowd.resume_all()
        for number in range(_MOST_DRAINS):
            if not self._pair.drain(self._plan.rest):
                return
            retries = number == 0 and self._crowd.retry_some(random.Random(self._plan.seed))
            # In the calm too a stage may ask for a pause.
            if not self._crowd.resume_all() and not retries:
                return


@contextmanager
def ground() -> Iterator[Path]:
    """Make what a storm needs: the table of its rows, a folder for its witnesses, its settings for the managers."""
    named = {witness.VARIABLE: "", "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}
    before = {name: os.environ.get(name) for name in named}
    with tempfile.TemporaryDirectory() as folder, table():
        Path(folder, "witness").mkdir()
        os.environ.update(named | {witness.VARIABLE: str(Path(folder, "witness"))})
        try:
            yield Path(folder)
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


def clean() -> None:
    """Empty the tables."""
    call_command("flush", verbosity=0, interactive=False)


def run(plan: Plan) -> Result:
    """Follow the plan on an empty database."""
    with ground() as folder:
        result = Storm(plan, folder).run()
    result.violations = [f"CHAOS_SEED={plan.seed}: {words}" for words in result.violations]
    return result
