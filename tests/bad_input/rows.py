"""Tasks whose rows somebody changed by hand, each in its own way."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django_tasks_poc import EntityWrapper, State
from django_tasks_poc.models import Task, TaskStage
from django_tasks_poc.storage.values import Claim

from ..building import build
from ..handlers import Goodbye, Noop
from ..support_storage import Store, success
from .broken import Reading, Taking

BOGUS = "BOGUS"
HUGE = '{"free": "' + "x" * 5_000_000


def change(task: Task, order: int = 0, **values: Any) -> None:
    """Change a stage of the task in the database."""
    assert TaskStage.objects.filter(task=task, order=order).update(**values) == 1


def change_task(task: Task, **values: Any) -> None:
    assert Task.objects.filter(uuid=task.uuid).update(**values) == 1


def reads(what: str) -> EntityWrapper:
    return EntityWrapper(Reading, {"what": what})


class HalfDone:
    """Tasks whose first stage is over, or waits, when their rows are changed."""

    def __init__(self) -> None:
        finally_ = EntityWrapper(Goodbye)
        self.tasks = {
            "previous": build("previous", EntityWrapper(Noop), reads("previous")),
            "previous state": build("previous state", EntityWrapper(Noop), reads("previous")),
            "previous type": build("previous type", EntityWrapper(Noop), reads("previous")),
            "results": build("results", EntityWrapper(Noop), reads("results")),
            "ended": build("ended", EntityWrapper(Noop), finally_=finally_),
            "waiting stage": build("waiting stage", EntityWrapper(Noop), EntityWrapper(Noop)),
            "waiting task": build("waiting task", EntityWrapper(Noop), EntityWrapper(Noop)),
        }
        self._store = Store()
        claims = {claim.task: claim for claim in self._store.claim()}
        self._claims = {name: claims[task.uuid] for name, task in self.tasks.items()}
        for name in ("previous", "previous state", "previous type", "ended"):
            self._store.record(success(self._claims[name], response="7"))
        for name in ("results", "waiting stage", "waiting task"):
            self._wait(name)
        (claim,) = [claim for claim in self._store.claim() if claim.task == self.tasks["results nested"].uuid]
        self._store.record(success(claim, response="7"))
        # What else was claimed begins anew with the manager of the test.
        self._store.stage_command.declare_dead([self._store.manager])
        self._store.stage_command.rescue(100)

    def _wait(self, name: str) -> None:
        claim: Claim = self._claims[name]
        self.tasks[f"{name} nested"] = self._store.wait(claim, 1)

    def damage(self) -> None:
        tasks = self.tasks
        change(tasks["previous"], response='{"rows": ')
        change(tasks["previous state"], state=BOGUS)
        change(tasks["previous type"], response_type="os.system")
        change(tasks["results nested"], response="[1, 2")
        change_task(tasks["ended"], response="nonsense")
        change(tasks["waiting stage"], state=BOGUS)
        change_task(tasks["waiting task"], state=BOGUS)

    def repair(self) -> None:
        """Put right the states, without which nothing goes on."""
        change(self.tasks["waiting stage"], state=State.WAITING)
        change_task(self.tasks["waiting task"], state=State.WAITING)


def damaged() -> dict[str, Task]:
    """Build tasks whose first stage has not begun, and change their rows."""
    tasks: dict[str, Task] = {}
    for name, values in {
        "params cut": {"params": '{"number": '},
        "params no object": {"params": "[1]"},
        "params huge": {"params": HUGE},
        "params empty": {"params": ""},
        "handler hostile": {"handler": "os.system"},
        "handler empty": {"handler": ""},
        "handler long": {"handler": "x" * 255},
    }.items():
        tasks[name] = build(name, EntityWrapper(Taking), EntityWrapper(Noop))
        change(tasks[name], **values)
    for name, options in {
        "options cut": '{"timeout": 3',
        "options no object": "[]",
        "options wrong": '{"timeout": "soon"}',
        "options huge": f'{{"timeout": 1{"0" * 400}}}',
        "options empty": "",
    }.items():
        tasks[name] = build(name, EntityWrapper(Noop), EntityWrapper(Noop), finally_=EntityWrapper(Goodbye))
        change_task(tasks[name], options=options)
    tasks["shared cut"] = build("shared cut", reads("shared"), shared={"path": "a"})
    change_task(tasks["shared cut"], shared='{"path": "a')
    tasks["cursor cut"] = build("cursor cut", reads("cursor"))
    change(tasks["cursor cut"], cursor="[")
    tasks["cursor unread"] = build("cursor unread", EntityWrapper(Noop))
    change(tasks["cursor unread"], cursor="[")
    tasks["one of three"] = build("one of three", *[EntityWrapper(Noop)] * 3, parallel=True)
    change(tasks["one of three"], 1, state=BOGUS)
    tasks["first of two"] = build("first of two", *[EntityWrapper(Noop)] * 2)
    change(tasks["first of two"], state=BOGUS)
    tasks["whole"] = build("whole", EntityWrapper(Noop))
    change_task(tasks["whole"], state=BOGUS)
    tasks["whole later"] = build("whole later", EntityWrapper(Noop), delay=0.01)
    change_task(tasks["whole later"], state=BOGUS)
    tasks["without token"] = build("without token", EntityWrapper(Noop))
    change(tasks["without token"], state=State.RUNNING, manager=uuid4(), token=None)
    tasks["good"] = build("good", *[EntityWrapper(Noop)] * 5, parallel=True, finally_=EntityWrapper(Goodbye))
    return tasks
