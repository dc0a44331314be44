"""Tasks in any state, acted out: built, claimed and recorded like real ones, so that their rows hold together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ..builder import TaskBuilder
from ..context import TaskStageContext
from ..entities import EntityWrapper
from ..handlers import TaskHandlerBase
from ..lifecycle import Ending, host
from ..models import Task
from ..outcomes import Answer, Outcome
from ..processing import Processing
from ..runtime.answers import report_of
from ..states import State
from .links import Here
from .managing import managing

_ANSWERS = {
    State.SUCCESS: Answer.SUCCESS,
    State.ERROR: Answer.ERROR,
    State.SKIPPED: Answer.SKIP,
    State.CANCELED: Answer.CANCEL,
    State.PAUSED: Answer.PAUSE,
}


class Step(TaskHandlerBase):
    """Succeeds: the handler of a stage that was given none."""

    def handle(self, context: TaskStageContext) -> Outcome:
        return self.success()


@dataclass(frozen=True)
class Part:
    """A stage as it is to be: its handler with params, and what became of it.

    ``nested`` holds the title, stages and options of a task that it waits for; the stage then goes on with that.
    ``progress`` is (done, total, message) of a running one.
    """

    handler: type | str = Step
    params: Mapping[str, Any] | None = None
    state: str = State.READY
    message: str = ""
    response: Any = None
    progress: tuple[float, float, str] | None = None
    nested: Mapping[str, Any] | None = None

    @property
    def wrapper(self) -> EntityWrapper:
        return EntityWrapper(self.handler, dict(self.params or {}))


def act_out(title: str, parts: Sequence[Part], *, node: str = "default", **options: Any) -> Task:
    """Build a root task and have each stage become what its part says, in their order; return it as it is then."""
    builder = TaskBuilder(node)
    task = builder.build(builder.create(title, *[part.wrapper for part in parts], **options))
    with managing(node) as processing:
        _play(processing, task, parts)
        while processing.settle().unsettled:
            pass
    task.refresh_from_db()
    return task


def _play(processing: Processing, task: Task, parts: Sequence[Part]) -> None:
    rows = processing.node.stage_query.page(task.uuid, State, limit=len(parts) or 1)
    for row, part in zip(rows, parts, strict=True):
        if part.state != State.READY or part.nested is not None:
            _act(processing, row.uuid, part)


def _act(processing: Processing, stage: UUID, part: Part) -> None:
    claim, request = processing.claim_one(stage)
    link = Here(processing, request)
    if part.progress is not None:
        link.progress(*part.progress)
    if part.nested is not None:
        wishes = dict(part.nested)
        below = parts_of(wishes.pop("stages", ()))
        context = TaskStageContext(request, link, TaskBuilder)
        draft = context.builder.create(wishes.pop("title", "Nested"), **wishes)
        draft.extend(one.wrapper for one in below)
        nested = context.builder.build(draft, context)
        processing.record([Ending(claim, report_of(request, Outcome(Answer.WAIT, nested=nested.uuid)))])
        _play(processing, nested, below)
    elif part.state != State.RUNNING:
        outcome = Outcome(_ANSWERS[State(part.state)], part.message, part.response)
        processing.record([Ending(claim, report_of(request, outcome), host=host(), pid=os.getpid(), duration=0.1)])


def parts_of(stages: int | Sequence[Part | Mapping[str, Any]]) -> list[Part]:
    """Return the parts that are meant by a number, or by mappings."""
    if isinstance(stages, int):
        return [Part()] * stages
    parts = [one if isinstance(one, Part) else Part(**one) for one in stages]
    for part in parts:
        allowed = {State.READY, State.RUNNING, *_ANSWERS}
        if part.state not in allowed:
            words = ", ".join(sorted(allowed))
            raise ValueError(f"A stage cannot be made {part.state!r}; it can be {words}, or wait: nested={{...}}.")
    return parts
