"""The page of one stage: its panel at full width, the way up, and the stages beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from ...models import Kind, TaskStage
from ...texts import amount, one_line
from .branch import Urls
from .crumbs import crumbs_of
from .listing import stages_of
from .panel import stage_panel
from .rows import name_of


@dataclass(frozen=True)
class Neighbour:
    """The stage before or after."""

    url: str
    name: str


def stage_page(stage: TaskStage, parameters: Mapping[str, str], urls: Urls) -> dict[str, Any]:
    """Return what the template shows."""
    task = stage.task
    name = name_of(stage.handler)
    panel = stage_panel(stage, parameters, urls.task)
    return {
        "title": name if stage.kind == Kind.FINALLY else f"{name} {stage.order + 1}",
        "panel": panel,
        "crumbs": [*crumbs_of(task, task._state.db or "default", urls.task)],
        "task_url": urls.task(task.uuid),
        "task_title": one_line(task.title, 60),
        "place": _place(stage),
        "in_tree": f"{urls.task(task.uuid)}?from={stage.order + 1}",
        "previous": _neighbour(stage, urls, "-order", order__lt=stage.order),
        "next": _neighbour(stage, urls, "order", order__gt=stage.order),
    }


def _place(stage: TaskStage) -> str:
    if stage.kind == Kind.FINALLY:
        return _("after all %s stages") % amount(stage.task.total_count)
    return _("stage %(number)s of %(total)s") % {
        "number": amount(stage.order + 1),
        "total": amount(stage.task.total_count),
    }


def _neighbour(stage: TaskStage, urls: Urls, order: str, **beyond: int) -> Neighbour | None:
    rows = stages_of(stage.task).filter(**beyond).order_by(order).values_list("uuid", "handler", "order")
    found = rows.first()
    return Neighbour(urls.stage(found[0]), f"{name_of(found[1])} {found[2] + 1}") if found is not None else None
