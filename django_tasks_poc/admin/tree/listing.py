"""The stages of one task as a reader asks for them: some states, some order, a page at a time.

Every page is read by key along an index, so the 300,000th costs what the first one does. An order is a row of parts,
one after another, each of which is one stretch of an index.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet, TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ...models import Kind, Task, TaskStage
from ...states import State

PAGE = 20
_MOST = 2**31 - 1
_SEPARATOR = "~"


class Show(TextChoices):
    """Which stages."""

    ALL = "all", _("All")
    FAILED = "failed", _("Failed")
    RUNNING = "running", _("Running")
    WAITING = "waiting", _("Waiting")
    SUCCEEDED = "succeeded", _("Succeeded")
    SKIPPED = "skipped", _("Skipped")
    CANCELED = "canceled", _("Canceled")
    LEFT = "left", _("Left")


class Order(TextChoices):
    """In which order."""

    FAILED = "failed", _("failed first")
    SLOWEST = "slowest", _("slowest first")
    NUMBER = "number", _("in order")
    LAST = "last", _("last first")


@dataclass(frozen=True)
class Part:
    """One stretch of an index: what is in it, and the columns by which it goes, which are not null there."""

    where: Q
    by: tuple[str, ...] = ("order",)
    is_backward: bool = False
    #: ``due`` is null all over it; PostgreSQL takes the index only if the order names it whole, and so ``due`` too.
    is_of_state: bool = False

    def rows(self, stages: QuerySet[TaskStage], after: tuple[Any, ...] | None) -> QuerySet[TaskStage]:
        """Return the stages of this part behind a key, in order."""
        columns = ("due", *self.by) if self.is_of_state else self.by
        found = stages.filter(self.where).order_by(*(f"-{name}" if self.is_backward else name for name in columns))
        return found if after is None else found.filter(self._behind(after))

    def _behind(self, after: tuple[Any, ...]) -> Q:
        beyond, at, not_beyond = ("lt", "lte", "gte") if self.is_backward else ("gt", "gte", "lte")
        *firsts, (name, value) = zip(self.by, after, strict=True)
        if not firsts:
            return Q(**{f"{name}__{beyond}": value})
        # The index is entered by the first column; an OR instead would make PostgreSQL enter it twice, and sort.
        ((first, limit),) = firsts
        return Q(**{f"{first}__{at}": limit}) & ~Q(**{first: limit, f"{name}__{not_beyond}": value})

    def key(self, stage: TaskStage) -> tuple[Any, ...]:
        return tuple(getattr(stage, name) for name in self.by)


def _of(state: State) -> Part:
    return Part(Q(state=state, due__isnull=True), is_of_state=True)


#: Those that came back, to be run again at a time of their own.
_BACK = Part(Q(state=State.READY, due__isnull=False), ("due", "order"))
_PARTS: dict[Show, tuple[Part, ...]] = {
    Show.FAILED: (_of(State.ERROR),),
    Show.RUNNING: (_of(State.RUNNING),),
    Show.WAITING: (_of(State.WAITING),),
    Show.SUCCEEDED: (_of(State.SUCCESS),),
    Show.SKIPPED: (_of(State.SKIPPED),),
    Show.CANCELED: (_of(State.CANCELED),),
    Show.LEFT: (_BACK, _of(State.PAUSED), _of(State.READY)),
}
#: What is wrong, what is going on, what is done, what is not begun.
_FAILED_FIRST = (
    _of(State.ERROR), _of(State.RUNNING), _of(State.WAITING), _of(State.PAUSED), _BACK, _of(State.SUCCESS),
    _of(State.SKIPPED), _of(State.CANCELED), _of(State.READY),
)  # fmt: skip
_BY_ORDER = {
    Order.FAILED: _FAILED_FIRST,
    Order.SLOWEST: (Part(Q(duration__isnull=False), ("duration", "order"), is_backward=True),),
    Order.NUMBER: (Part(Q()),),
    Order.LAST: (Part(Q(), is_backward=True),),
}


def orders(show: Show) -> tuple[Order, ...]:
    """Return the orders in which these stages may be had, the usual one first."""
    return tuple(_BY_ORDER) if show is Show.ALL else (Order.NUMBER, Order.LAST)


@dataclass(frozen=True)
class Wish:
    """What the address asks for: ``first`` is the number of the stage to begin with, counted from 0."""

    show: Show = Show.ALL
    order: Order = Order.NUMBER
    first: int | None = None
    part: int = 0
    after: tuple[Any, ...] | None = None
    #: How many rows are above the first one.
    above: int = 0
    #: Whether something in the address could not be understood; it is left out then.
    is_garbled: bool = False

    @classmethod
    def of(cls, parameters: Mapping[str, str], *, parallel: bool) -> Wish:
        """Read the parameters ``show``, ``order``, ``after``, ``from`` and ``above``; whatever they are."""
        show, known_show = _choice(Show, parameters.get("show", ""), Show.ALL)
        usual = Order.FAILED if parallel and show is Show.ALL else Order.NUMBER
        order, known_order = _choice(Order, parameters.get("order", ""), usual)
        if order not in orders(show):
            order = usual
        first, above = _number(parameters.get("from", "")), _number(parameters.get("above", ""))
        is_garbled = not (known_show and known_order) or first == -1 or above == -1
        if first is not None and first >= 0:
            return cls(Show.ALL, Order.NUMBER, max(first - 1, 0), is_garbled=is_garbled)
        part, after = _key(parameters.get("after", ""), _parts(show, order))
        if parameters.get("after") and after is None:
            return cls(show, order, is_garbled=True)
        return cls(show, order, None, part, after, max(above or 0, 0), is_garbled)


@dataclass(frozen=True)
class StagePage:
    """Some stages, in order, and the key of the page behind them, empty when there is none."""

    stages: list[Any]
    next: str


def read_page(stages: QuerySet[TaskStage], wish: Wish, size: int = PAGE) -> StagePage:
    """Read a page of a task's ``stages``: one query for each part of the order, until the page is full."""
    stages = stages.filter(kind=Kind.STAGE)
    if wish.first is not None:
        stages = stages.filter(order__gte=wish.first)
    found: list[Any] = []
    places: list[int] = []
    parts = _parts(wish.show, wish.order)
    for place in range(wish.part, len(parts)):
        after = wish.after if place == wish.part else None
        rows = list(parts[place].rows(stages, after)[: size + 1 - len(found)])
        found += rows
        places += [place] * len(rows)
        if len(found) > size:
            last = size - 1
            return StagePage(found[:size], _text(places[last], parts[places[last]].key(found[last])))
    return StagePage(found, "")


def _parts(show: Show, order: Order) -> tuple[Part, ...]:
    if show is Show.ALL:
        return _BY_ORDER[order]
    if order is Order.LAST:
        return tuple(replace(part, is_backward=True) for part in reversed(_PARTS[show]))
    return _PARTS[show]


def _choice(kind: type[Any], text: str, usual: Any) -> tuple[Any, bool]:
    if not text:
        return usual, True
    return (kind(text), True) if text in kind.values else (usual, False)


def _number(text: str) -> int | None:
    """Return a number from 0 on, None for none, -1 for what is no such number."""
    digits = text.strip().replace(",", "").replace("\N{NO-BREAK SPACE}", "")
    if not digits:
        return None
    return min(int(digits), _MOST) if digits.isascii() and digits.isdigit() and len(digits) < 20 else -1


def _text(place: int, key: tuple[Any, ...]) -> str:
    words = (value.isoformat() if isinstance(value, datetime) else repr(value) for value in key)
    return _SEPARATOR.join((str(place), *words))


def _key(text: str, parts: tuple[Part, ...]) -> tuple[int, tuple[Any, ...] | None]:
    """Return the part and the key in it; None for the key if there is none, or none that can be read."""
    place, *words = text.split(_SEPARATOR)
    try:
        number = int(place)
        part = parts[number]
        key = tuple(_READERS[name](word) for name, word in zip(part.by, words, strict=True))
    except (ValueError, IndexError, OverflowError):
        return 0, None
    return (number, key) if number >= 0 else (0, None)


def _order(word: str) -> int:
    if not 0 <= (number := int(word)) <= _MOST:
        raise ValueError(word)
    return number


def _duration(word: str) -> float:
    if not math.isfinite(seconds := float(word)):
        raise ValueError(word)
    return seconds


def _due(word: str) -> datetime:
    moment = datetime.fromisoformat(word)
    if timezone.is_aware(moment) != settings.USE_TZ or not 1970 <= moment.year <= 9000:
        raise ValueError(word)
    return moment


_READERS = {"order": _order, "duration": _duration, "due": _due}


def stages_of(task: Task) -> QuerySet[TaskStage]:
    """Return the stages of the task, in the database that it came from."""
    return TaskStage.objects.using(task._state.db or "default").filter(task_id=task.uuid)
