"""What may have changed on the page of a task since it was read: its head, its log, and the rows in sight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from ...models import Task
from ...node import databases
from ...options import TaskOptions
from .branch import Chip, Urls, chips_of, scale_of
from .listing import Show, Wish, stages_of
from .rows import Place, TreeRow, nested_of, rows_of_stages, tree_rows

#: Branches and rows that are told of in one answer; a reader has fewer in sight.
_BRANCHES, _ROWS = 20, 200


@dataclass(frozen=True)
class LiveBranch:
    """How the task of a branch stands, and the rows of it that are in sight."""

    task: Task
    uuid: str
    chips: list[Chip]
    rows: list[TreeRow]


@dataclass(frozen=True)
class _Sight:
    """What is in sight of a branch: its rows by number, and the scale of their bars in seconds."""

    task: UUID
    scale: float
    orders: list[int]


def live_branches(root: Task, parameters: Mapping[str, str], urls: Urls) -> list[LiveBranch]:
    """Read what the parameter ``see`` names: ``<uuid>~<scale>~<number>.<number>…``, one branch behind the other."""
    alias = root._state.db or "default"
    sights = {sight.task: sight for sight in _sights(parameters.get("see", ""))}
    if alias not in databases() or not sights:
        return []
    rows = Task.objects.using(alias).visible().filter(root_id=root.root_id, uuid__in=list(sights))
    return [
        _branch(task, sights[task.uuid], urls) for task in rows.defer("shared", "response").order_by("depth", "uuid")
    ]


def _branch(task: Task, sight: _Sight, urls: Urls) -> LiveBranch:
    stages = list(rows_of_stages(stages_of(task).filter(order__in=sight.orders)).order_by("order"))
    nested = nested_of(stages, task._state.db or "default") if task.waiting_count else {}
    rows = tree_rows(
        stages, nested, TaskOptions.readable(task.options), Place(is_numbered=not task.parallel), sight.scale,
        urls.stage, lambda key: "",
    )  # fmt: skip
    return LiveBranch(task, task.uuid.hex, chips_of(task, Wish(Show.ALL)), rows)


def _sights(text: str) -> Iterator[_Sight]:
    """Read what is in sight; what cannot be read is out of it."""
    left = _ROWS
    for word in text.split("!")[:_BRANCHES]:
        try:
            key, scale, numbers = word.split("~")
            orders = [int(number) - 1 for number in numbers.split(".")[:left] if number]
            sight = _Sight(UUID(key), scale_of(scale) or 1.0, [n for n in orders if 0 <= n < 2**31])
        except (ValueError, OverflowError):
            continue
        left -= len(sight.orders)
        yield sight
