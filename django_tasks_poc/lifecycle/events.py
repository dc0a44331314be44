"""Saying what happened, to whoever listens to the signals."""

from __future__ import annotations

from collections.abc import Iterable

from ..models import Task
from ..signals import stage_ended, stage_started, task_ended
from ..storage.values import Claim, StageMove
from .decisions import Ending


def tell_start(node: str, claim: Claim, pid: int | None) -> None:
    """Send the signal of a stage that began."""
    stage_started.send_robust(
        None, task=claim.task, stage=claim.stage, node=node, handler=claim.handler, attempt=claim.attempt, pid=pid
    )


def tell_end(node: str, ending: Ending, move: StageMove) -> None:
    """Send the signal of a start that ended."""
    claim = ending.claim
    stage_ended.send_robust(
        None, task=claim.task, stage=claim.stage, node=node, handler=claim.handler, attempt=claim.attempt,
        state=move.state, message=move.message, duration=move.duration,
        outcome=move.attempt.outcome if move.attempt is not None else "",
    )  # fmt: skip


def tell_tasks(tasks: Iterable[Task]) -> None:
    """Send the signals of tasks that ended."""
    for task in tasks:
        task_ended.send_robust(
            None, task=task.uuid, node=task.node, title=task.title, state=task.state, message=task.message,
            depth=task.depth,
        )  # fmt: skip
