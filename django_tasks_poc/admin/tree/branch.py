"""A branch of the tree: a task, how it stands, and some of its stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...entities import OnError
from ...models import Kind, Task
from ...options import TaskOptions
from ...texts import amount, visible
from .listing import PAGE, Show, StagePage, Wish, orders, read_page, stages_of
from .rows import Place, TreeRow, Url, longest, name_of, nested_of, rows_of_stages, tree_rows

#: The deepest level that opens in place; what is below it opens on a page of its own.
DEEPEST = 8

_COUNTERS = {
    Show.ALL: ("total_count", ""),
    Show.FAILED: ("error_count", "error"),
    Show.RUNNING: ("running_count", "running"),
    Show.WAITING: ("waiting_count", "waiting"),
    Show.SUCCEEDED: ("success_count", "success"),
    Show.SKIPPED: ("skipped_count", "skipped"),
    Show.CANCELED: ("canceled_count", "canceled"),
    Show.LEFT: ("ready_count", "ready"),
}


@dataclass(frozen=True)
class Urls:
    """The addresses that a branch links to, each of a uuid."""

    task: Url
    stage: Url
    branch: Url
    find: Url
    open: Callable[[UUID, int], str]


@dataclass(frozen=True)
class Chip:
    """A link that shows the stages of one state."""

    name: str
    label: str
    icon: str
    count: str
    query: str
    is_chosen: bool


@dataclass(frozen=True)
class Choice:
    """An order that may be chosen."""

    name: str
    label: str
    is_chosen: bool


@dataclass(frozen=True)
class Branch:
    """What the template shows of a branch."""

    task: Task
    uuid: str
    url: str
    branch_url: str
    find_url: str
    title: str
    mode: str
    level: int
    is_big: bool
    show: str
    order: str
    chips: list[Chip]
    orders: list[Choice]
    rows: list[TreeRow]
    scale: float
    failed: int
    #: What is on show, in words, and the queries of more of it.
    showing: str
    earlier: str
    more: str
    more_label: str
    is_garbled: bool
    #: The finally stage, or the name of the handler that will be one.
    finally_row: TreeRow | None
    finally_name: str
    #: How many rows there are in this group.
    size: int

    @property
    def has_head(self) -> bool:
        """Whether it needs a head: on a page of its own only when there is something to choose from."""
        return self.level > 1 or self.is_big

    @property
    def is_empty(self) -> bool:
        return not self.rows

    @property
    def empty_title(self) -> str:
        """Say that nothing is here."""
        if self.show == Show.FAILED:
            return _("No stage has failed")
        return _("No stages here")

    @property
    def empty_words(self) -> str:
        words = _("%(done)s of %(total)s are done.")
        return words % {"done": amount(self.task.finished_count), "total": amount(self.task.total_count)}


def branch_of(task: Task, parameters: Mapping[str, str], level: int, urls: Urls) -> Branch:
    """Read a branch at this level of the tree, as the address asks for it."""
    alias, options = task._state.db or "default", TaskOptions.readable(task.options)
    wish = Wish.of(parameters, parallel=task.parallel)
    page = read_page(rows_of_stages(stages_of(task)), wish)
    finals = _finally_stage(task)
    nested, now = nested_of(page.stages, alias), timezone.now()
    size = getattr(task, _COUNTERS[wish.show][0])
    above = wish.first if wish.first is not None else wish.above
    scale = scale_of(parameters.get("scale", "")) or longest(page.stages, now)
    place = Place(level, size + bool(finals) if wish.show is Show.ALL else size, above, not task.parallel)

    def rows_for(stages: list[Any], place: Place) -> list[TreeRow]:
        return tree_rows(stages, nested, options, place, scale, urls.stage, lambda key: urls.open(key, level))

    rows = rows_for(page.stages, place)
    final_rows = rows_for(finals, Place(level, place.size, max(size, above + len(rows))))
    is_whole = wish.show is Show.ALL and not page.next and (bool(rows) or not size)
    return Branch(
        task=task, uuid=task.uuid.hex, url=urls.task(task.uuid), branch_url=urls.branch(task.uuid),
        find_url=urls.find(task.uuid),
        title=visible(task.title), mode=mode_of(task), level=level, is_big=task.total_count > PAGE,
        show=wish.show, order=wish.order, chips=chips_of(task, wish), orders=_choices(wish), rows=rows, scale=scale,
        failed=task.error_count, showing=_showing(wish, above + len(rows), above, size),
        earlier=_query(wish, **{"from": max(above - PAGE, 0) + 1}) if wish.first else "",
        more=_more(wish, page, above, scale), more_label=_more_label(size - above - len(rows)),
        is_garbled=wish.is_garbled, finally_row=final_rows[0] if final_rows and is_whole else None,
        finally_name=_finally_name(options) if is_whole and not finals else "", size=place.size,
    )  # fmt: skip


def _finally_stage(task: Task) -> list[Any]:
    """Return the finally stage, which is last in order, once it is there."""
    rows = stages_of(task).filter(order__gte=task.total_count, kind=Kind.FINALLY)
    return list(rows_of_stages(rows).order_by("order")[:1])


def _finally_name(options: TaskOptions | None) -> str:
    return "" if options is None or options.finally_ is None else name_of(options.finally_.handler)


def scale_of(text: str) -> float | None:
    """Return the seconds of the longest bar, which more rows keep; None for what is no such number."""
    try:
        scale = float(text)
    except ValueError:
        return None
    return scale if 0.1 <= scale <= 1e9 else None


def _query(wish: Wish, **values: Any) -> str:
    return "?" + urlencode({"show": wish.show.value, "order": wish.order.value, **values})


def _more(wish: Wish, page: StagePage, above: int, scale: float) -> str:
    if not page.next:
        return ""
    return _query(wish, after=page.next, above=above + len(page.stages), scale=f"{scale:.3f}")


def _more_label(left: int) -> str:
    count = min(max(left, 1), PAGE)
    return ngettext("Show %s more", "Show %s more", count) % count


def _showing(wish: Wish, shown: int, above: int, size: int) -> str:
    facts = {
        "shown": amount(shown),
        "first": amount(above + 1),
        "size": amount(max(size, shown)),
        "order": str(wish.order.label),
    }
    if wish.first is not None:
        return _("Showing %(first)s–%(shown)s of %(size)s, %(order)s") % facts
    return _("Showing %(shown)s of %(size)s, %(order)s") % facts


def chips_of(task: Task, wish: Wish) -> list[Chip]:
    """Return a chip for all, and one for each state that some stage is in."""
    chips = []
    for show, (counter, icon) in _COUNTERS.items():
        count = getattr(task, counter)
        if count or show in (Show.ALL, wish.show):
            query = f"?{urlencode({'show': show.value})}"
            chips.append(Chip(show.value, str(show.label), icon, amount(count), query, show is wish.show))
    return chips


def _choices(wish: Wish) -> list[Choice]:
    return [Choice(order.value, str(order.label), order is wish.order) for order in orders(wish.show)]


def mode_of(task: Task) -> str:
    """Say how the stages of a task run, and what a failure means."""
    if not task.parallel:
        mode = _("one stage after another")
    elif task.max_parallel is None:
        mode = _("side by side")
    else:
        mode = _("side by side, at most %s at once") % amount(task.max_parallel)
    return f"{mode}; {on_error_of(task)}"


def on_error_of(task: Task) -> str:
    if task.on_error == OnError.STOP:
        return _("stops at the first failed stage")
    if task.max_failures is None:
        return _("goes on when a stage fails")
    return ngettext(
        "goes on when a stage fails, stops above %s failed",
        "goes on when a stage fails, stops above %s failed",
        task.max_failures,
    ) % amount(task.max_failures)
