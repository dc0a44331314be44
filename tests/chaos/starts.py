"""The starts that were witnessed, held to the rows: none beside another, and each that failed has a post-mortem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from django_tasks_poc import State
from django_tasks_poc.models import AttemptOutcome, Kind, TaskStage

from . import witness

if TYPE_CHECKING:
    from .invariants import Rows

#: Answers of which a post-mortem is kept; nothing at all is one of them.
_FAILED = frozenset({"raise", "error", "exit", ""})
_ANSWERS = {State.SUCCESS: "success", State.SKIPPED: "skip"}


def key_of(stage: TaskStage) -> str:
    return f"finally of {stage.task_id}" if stage.kind == Kind.FINALLY else str(stage.uuid)


def of(stage: TaskStage) -> list[witness.Start]:
    """Return the starts of a stage that were witnessed."""
    return witness.starts_of(key_of(stage))


def unseen(stage: TaskStage) -> int:
    """Return how many starts were claimed and never began."""
    return stage.start - len(of(stage))


def alone(rows: Rows, figures: Counter[str]) -> Iterator[str]:
    """No stage was run by two processes at once, nor twice by one claim."""
    stages = {key_of(stage): stage for stage in rows.all_stages()}
    for key in witness.stages():
        starts, wrong = witness.read(key)
        figures["starts"] += len(starts)
        # Stages of nested tasks that nobody came to wait for never begin.
        where = rows.where(stages[key]) if key in stages else f"{key}, which has no row,"
        yield from (f"{where}: {words}" for words in wrong)
        if key not in stages:
            yield f"{where} has begun"


def told(rows: Rows, figures: Counter[str]) -> Iterator[str]:
    """Each start that failed is told by a row, and the last one answered what the stage's row says."""
    for stage in rows.all_stages():
        starts, attempts = of(stage), rows.attempts[stage.uuid]
        figures.update(f"attempts {outcome}" for outcome in attempts)
        where = rows.where(stage)
        failed = [start for start in starts if not start.ends or start.ends[-1] in _FAILED]
        if len(failed) > len(attempts):
            yield f"{where}: there are the post-mortems {attempts} of the failed {', '.join(map(str, failed))}"
        # A start that was lost may have answered; one that was claimed and given back has nothing.
        if len(starts) > stage.start or len(attempts) > stage.start - (stage.state in _ANSWERS):
            yield f"{where} has {stage.start} starts, {len(starts)} seen, and the post-mortems {attempts}"
        losses = attempts.count(AttemptOutcome.LOST) - rows.uncounted[stage.uuid]
        # A retry counts the losses anew.
        if losses < stage.lost or (losses > stage.lost and not rows.retries[rows.tasks[stage.task_id].root_id]):
            yield f"{where} counts {stage.lost} losses, and has the post-mortems {attempts}"
        yield from _answered(stage, where, starts, attempts)


def _answered(stage: TaskStage, where: str, starts: list[witness.Start], attempts: list[str]) -> Iterator[str]:
    if stage.kind == Kind.FINALLY:
        return
    if stage.waited:
        if stage.started_at is not None and not any("wait" in start.ends for start in starts):
            yield f"{where} waited, and of its starts none answered so: {', '.join(map(str, starts))}"
    elif (answer := _ANSWERS.get(State(stage.state))) is not None:
        good = [start for start in starts if start.ends == [answer]]
        told = stage.response_value
        if isinstance(told, dict) and "token" in told:
            good = [start for start in good if start.token == told["token"]]
        if good and good[-1] is not starts[-1]:
            yield f"{where} holds the answer of {good[-1]}, which was not the last: {', '.join(map(str, starts))}"
        if not good:
            yield f"{where} holds {told}, which none of its starts answered: {', '.join(map(str, starts))}"
    elif stage.state == State.ERROR and not attempts:
        yield f"{where} has no post-mortem: {stage.message}"
