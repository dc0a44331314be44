"""Factories of tasks and stages in any state, for factory-boy (extra ``testing``).

The rows are made by building, claiming and recording, like real ones: counters equal rows, and a manager could go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import factory
from factory.django import DjangoModelFactory

from ..models import Task, TaskStage
from ..states import State
from .acting import Part, Step, act_out, parts_of

__all__ = ["StageFactory", "TaskFactory"]


class TaskFactory(DjangoModelFactory[Task]):
    """Makes a root task.

    ``stages`` is their number, or a list of mappings with ``handler``, ``params``, ``state``, ``message``,
    ``response``, ``progress`` and ``nested`` (title, stages and options of a task that the stage waits for). With a
    number, ``state``, ``message`` and ``response`` are what became of the task. All else is an option of
    ``TaskBuilder.create``.
    """

    class Meta:
        model = Task

    title = factory.Sequence(lambda number: f"Task {number}")  # type: ignore[attr-defined,no-untyped-call]
    node = "default"
    stages: Any = 1
    state: str | None = None
    message = ""
    response: Any = None
    unique = False

    @classmethod
    def _create(cls, model_class: type[Task], *args: Any, **wishes: Any) -> Task:
        state, message, response = (wishes.pop(name) for name in ("state", "message", "response"))
        stages: int | Sequence[Mapping[str, Any]] = wishes.pop("stages")
        title = wishes.pop("title")
        if not isinstance(stages, int):
            if state or message or response is not None:
                raise ValueError("Give state, message and response of the task, or those of its stages, not both.")
            return act_out(title, parts_of(stages), **wishes)
        task = act_out(title, _cast(stages, state or State.READY, message, response), **wishes)
        if state in (State.PAUSED, State.CANCELED):
            (task.pause if state == State.PAUSED else task.cancel)(reason=message)
            task.refresh_from_db()
        return task

    @classmethod
    def _build(cls, model_class: type[Task], *args: Any, **wishes: Any) -> NoReturn:
        raise NotImplementedError("A task lives in the database: use create().")


def _cast(count: int, state: str, message: str, response: Any) -> list[Part]:
    """Return the stages of a task that is in this state."""
    done = [Part(state=State.SUCCESS)] * (count - 1)
    match state:
        case State.READY | State.PAUSED | State.CANCELED:
            return parts_of(count)
        case State.RUNNING:
            return [Part(state=State.RUNNING), *parts_of(count - 1)]
        case State.WAITING:
            return [Part(nested={"stages": 1}), *parts_of(count - 1)]
        case State.SUCCESS | State.ERROR:
            return [*done, Part(state=state, message=message, response=response)]
    raise ValueError(
        f"A task cannot be made {state!r}; it can be READY, RUNNING, WAITING, PAUSED, SUCCESS, ERROR or CANCELED."
    )


class StageFactory(DjangoModelFactory[TaskStage]):
    """Makes a stage in a task of its own, whose title and options are ``task__title`` and so on."""

    class Meta:
        model = TaskStage

    handler: Any = Step
    params: Any = None
    state = State.READY.value
    message = ""
    response: Any = None
    progress: Any = None
    nested: Any = None
    task = factory.SubFactory(  # type: ignore[attr-defined,no-untyped-call]
        TaskFactory,
        stages=factory.LazyAttribute(lambda task: [_wishes(task.factory_parent)]),  # type: ignore[attr-defined,no-untyped-call]
    )

    @classmethod
    def _create(cls, model_class: type[TaskStage], *args: Any, **wishes: Any) -> TaskStage:
        task: Task = wishes["task"]
        stage = TaskStage.objects.using(task._state.db).get(task=task, order=0)
        if task.total_count != 1 or stage.state == State.READY != wishes["state"]:
            raise ValueError("A task has its stages from the first; make one with TaskFactory(stages=[...]).")
        return stage

    @classmethod
    def _build(cls, model_class: type[TaskStage], *args: Any, **wishes: Any) -> NoReturn:
        raise NotImplementedError("A stage lives in the database: use create().")


def _wishes(stage: Any) -> dict[str, Any]:
    return {name: getattr(stage, name) for name in Part.__dataclass_fields__}
