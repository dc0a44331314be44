"""The rows of a timeline: stages of a task, with its nested tasks folded in as bands."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext, ngettext

from ...models import Task, TaskStage
from ...states import State
from ...texts import amount, one_line, short_amount
from .axis import Axis
from .picked import FEW, FEW_BELOW, Picked, all_stages, attempts_of, nested_of, picked_stages
from .rows import Band, Links, Row
from .stage_row import stage_row
from .tally import Tally, tallies

#: Rows of a timeline whatever the size of the task, and nested tasks with a band.
MOST_ROWS, MOST_BANDS = 40, 8
#: From the bottom of a band to its top.
_LAYERS = (State.SUCCESS, State.SKIPPED, State.CANCELED, State.RUNNING, State.WAITING, State.ERROR)


@dataclass(frozen=True)
class Gantt:
    """The rows, the tasks that they are of, and what happened to the stages of each.

    ``busiest`` is the task that the rows go into: the page's own when it has many stages, else its largest nested one.
    """

    rows: tuple[Row, ...]
    tasks: tuple[Task, ...]
    tallies: dict[UUID, Tally]
    busiest: Task


def gantt(task: Task, axis: Axis, alias: str, links: Links) -> Gantt:
    """Read the rows of a task, in a number of queries that does not depend on its size."""
    above = all_stages(task, alias) if task.total_count <= FEW else Picked()
    children = nested_of(above, MOST_BANDS, alias)
    busiest = max([task, *children.values()], key=lambda one: one.total_count)
    counted = tallies([task, *children.values()], axis, alias)
    inside = Picked()
    if busiest is not task or task.total_count > FEW:
        is_whole = busiest.total_count <= FEW_BELOW
        inside = (
            all_stages(busiest, alias) if is_whole else picked_stages(busiest, counted[busiest.uuid].retried, alias)
        )
    grandchildren = nested_of(inside, MOST_BANDS // 2, alias)
    counted |= tallies(grandchildren.values(), axis, alias)
    attempts = attempts_of([*above.stages, *inside.stages], alias)

    def stages(owner: Task, picked: Picked, below: dict[UUID, Task], level: int) -> list[Row]:
        rows = []
        for stage in sorted(picked.stages.values(), key=lambda stage: _place(stage, owner)):
            nested = below.get(stage.uuid)
            rows.append(
                stage_row(
                    stage, attempts.get(stage.uuid, []), nested, axis, level,
                    links.stage(stage.uuid),
                    is_parallel=owner.parallel, is_slowest=stage.uuid in picked.slowest,
                )
            )  # fmt: skip
            if nested is not None:
                rows.extend(band(nested, level + 1))
        return rows

    def band(owner: Task, level: int) -> list[Row]:
        is_open = owner is busiest
        rows = [_band_row(owner, counted[owner.uuid], axis, level, links.task(owner.uuid), is_tall=is_open)]
        if is_open:
            rows += stages(owner, inside, grandchildren, level)
            if (rest := owner.total_count - len(inside.stages)) > 0:
                rows.append(_rest_row(owner, rest, level, links.task(owner.uuid)))
        return rows

    rows = band(task, 1) if task is busiest and task.total_count > FEW else stages(task, above, children, 1)
    shown = (task, *children.values(), *grandchildren.values())
    return Gantt(tuple(rows[:MOST_ROWS]), shown, counted, busiest)


def _place(stage: TaskStage, owner: Task) -> tuple[int, int]:
    """Say where a row stands: by order; side by side, what failed comes first, and last what is at work."""
    if not owner.parallel:
        return 0, stage.order
    return (0 if stage.state == State.ERROR else 2 if stage.finished_at is None else 1), stage.order


def _band_row(task: Task, tally: Tally, axis: Axis, level: int, url: str, *, is_tall: bool) -> Row:
    layers = [(state, tally.at_once(state, axis)) for state in _LAYERS if state in tally.busy]
    peak = max((sum(values) for values in zip(*(values for _, values in layers), strict=True)), default=0.0)
    stages = ngettext("%(count)s stage", "%(count)s stages", task.total_count) % {"count": amount(task.total_count)}
    label = ngettext(
        "%(title)s: how many of its stages ran at each moment, %(peak)s at most; %(failed)s failed",
        "%(title)s: how many of its %(count)s stages ran at each moment, %(peak)s at most; %(failed)s failed",
        task.total_count,
    ) % {
        "title": one_line(task.title), "count": amount(task.total_count), "peak": short_amount(peak),
        "failed": amount(task.error_count),
    }  # fmt: skip
    return Row(
        key=task.uuid.hex, level=level, name=one_line(task.title), label=label, url=url, note=stages,
        end=gettext("%(count)s done") % {"count": amount(task.finished_count)},
        band=Band(tuple(layers), tuple(tally.failures), peak, is_tall),
    )  # fmt: skip


def _rest_row(task: Task, count: int, level: int, url: str) -> Row:
    words = ngettext("%(count)s more, in the band above", "%(count)s more, in the band above", count)
    return Row(
        key=f"{task.uuid.hex}-rest", level=level, name=words % {"count": amount(count)}, label="", url=url, is_rest=True
    )
