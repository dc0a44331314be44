"""Guarantees taken away in the managers and their stages, to see that the storm misses them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import msgspec
from django.apps import AppConfig

#: Names the one that is to be taken away.
VARIABLE = "CHAOS_BROKEN"


class Broken(AppConfig):
    """Breaks the package in the processes that are started with the storm's settings."""

    name = "tests.chaos"
    label = "chaos"

    def ready(self) -> None:
        if name := os.environ.get(VARIABLE):
            BREAKS[name]()


def _token() -> None:
    """Let an outcome be recorded whatever start it is of; for there to be two, the living are taken for dead."""
    from django_tasks_poc.models import TaskStage
    from django_tasks_poc.storage.orm import record, stage_command

    checked = record.record

    def unchecked(alias: str, moves: Any, *rest: Any) -> Any:
        tokens = dict(TaskStage.objects.using(alias).values_list("uuid", "token"))
        moves = [msgspec.structs.replace(move, token=tokens[move.stage] or move.token) for move in moves]
        return checked(alias, moves, *rest)

    stage_command.record.record = unchecked
    _alone()


def _join() -> None:
    """Let a task end while one of its stages is open."""
    from django_tasks_poc.storage.orm import ending

    right = ending.may_end

    def early(task: Any) -> bool:
        hasty = task.depth and task.total_count > 1 and task.running_count == 1 == task.open_count
        return right(task) or (hasty and task.finished_at is None and task.state not in ("PAUSED", "PROMISED"))

    ending.may_end = early


def _rescue() -> None:
    """Leave the stages of the dead to them."""
    from django_tasks_poc.storage.orm import managers
    from django_tasks_poc.storage.values import Recorded

    managers.rescue = lambda *_: Recorded()


def _alone() -> None:
    """Take the stages of the living for those of the dead."""
    from django_tasks_poc.models import ManagerProcess
    from django_tasks_poc.storage.orm import managers

    class Nobody:
        objects = ManagerProcess.objects.none()

    lost = managers.rescue

    def rescue(*arguments: Any) -> Any:
        before, managers.ManagerProcess = managers.ManagerProcess, Nobody
        try:
            return lost(*arguments)
        finally:
            managers.ManagerProcess = before

    managers.rescue = rescue


def _atomic() -> None:
    """Commit what a stage writes apart from its outcome."""
    import msgspec

    from django_tasks_poc.processing import Processing

    right = Processing._request

    def request(*arguments: Any) -> Any:
        return msgspec.structs.replace(right(*arguments), atomic=False)

    Processing._request = request


def _finally() -> None:
    """Let tasks end without their finally stage when a stage failed."""
    from django_tasks_poc.storage.orm.writer import Writer

    right = Writer.add_finally
    Writer.add_finally = lambda self, stage: None if stage.task.failed_count else right(self, stage)


def _told() -> None:
    """Keep no post-mortem of what was lost."""
    from django_tasks_poc.storage.orm import record

    right = record._write_post_mortem
    record._write_post_mortem = lambda writer, stage, move: None if move.is_lost else right(writer, stage, move)


BREAKS: dict[str, Callable[[], None]] = {
    "token": _token,
    "join": _join,
    "rescue": _rescue,
    "alone": _alone,
    "atomic": _atomic,
    "finally": _finally,
    "told": _told,
}
