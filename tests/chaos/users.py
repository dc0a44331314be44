"""Users who pause, resume, cancel and retry at random, two at a time."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from django.db.models import F, Q

from django_tasks_poc.exceptions import TaskBusy, TaskExists
from django_tasks_poc.models import Task
from django_tasks_poc.states import OPEN

VERBS = {"pause": 4, "resume": 5, "cancel": 1, "retry_failed": 4}
#: Seconds between two verbs, on average.
_PAUSE = 0.2


@dataclass(frozen=True)
class Verb:
    """What is done ``at`` seconds; ``pick`` (0 to 1) chooses among the tasks to which it may be done."""

    at: float
    name: str
    pick: float


def plan(chance: random.Random, seconds: float) -> list[Verb]:
    """Return the verbs of so many seconds."""
    verbs, at = [], 0.5
    while (at := at + chance.expovariate(1 / _PAUSE)) < seconds:
        verbs.append(Verb(at, chance.choices(list(VERBS), list(VERBS.values()))[0], chance.random()))
    return verbs


_OPEN = Q(finished_at=None, state__in=OPEN)
_CHOICE = {
    "pause": _OPEN & ~Q(state="PAUSED"),
    "resume": Q(pause_root=F("uuid")),
    "cancel": _OPEN,
    "retry_failed": ~Q(finished_at=None) & (Q(error_count__gt=0) | Q(canceled_count__gt=0)),
}


class Crowd:
    """Does the verbs, and counts those that did something."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()

    def act(self, verb: Verb) -> None:
        tasks = list(Task.objects.visible().filter(_CHOICE[verb.name]).order_by("uuid"))
        if tasks:
            self._do(tasks[int(verb.pick * len(tasks))], verb.name)

    def _do(self, task: Task, name: str) -> None:
        try:
            self.done[name] += bool(getattr(task, name)(reason="as it pleases", by="somebody"))
        except (TaskBusy, TaskExists):
            self.done[f"{name} refused"] += 1

    def resume_all(self) -> bool:
        """Resume what is paused; say whether anything is."""
        paused = list(Task.objects.filter(pause_root=F("uuid")))
        for task in paused:
            self._do(task, "resume")
        return bool(paused)

    def retry_some(self, chance: random.Random) -> bool:
        """Retry every third tree that failed; say whether there is one."""
        failed = Task.objects.roots().filter(_CHOICE["retry_failed"]).order_by("uuid")
        chosen = [task for task in failed if chance.random() < 0.3]
        for task in chosen:
            self._do(task, "retry_failed")
        return bool(chosen)
