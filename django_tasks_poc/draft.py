"""A task before it is built: its title, its stages, and how it is to run."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

from django.conf import settings
from django.utils import timezone

from .entities import EntityWrapper, OnError, RetryPolicy
from .exceptions import InvalidDraft
from .serialization import clean_text, is_storable
from .words import MOST_SECONDS, is_seconds, meant, short

_SHARE = re.compile(r"\d{1,3}(\.\d+)?%")


@dataclass(frozen=True)
class DraftOptions:
    """The options of a draft; times are seconds. What is None is decided when the task is built."""

    timeout: float | None = None
    finally_: EntityWrapper | None = None
    retry: RetryPolicy | None = None
    on_error: OnError | str | None = None
    max_failures: int | str | None = None
    parallel: bool | None = None
    max_parallel: int | None = None
    shared: Any = None
    unique: bool = True
    unique_key: str | None = None
    priority: int | None = None
    delay: float | None = None
    run_after: dt.datetime | None = None
    created_by: Any = None
    queue: str = ""

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if item.name in _RULES and not (value is None and item.default is None):
                holds, wish = _RULES[item.name]
                if not holds(value):
                    raise InvalidDraft(f"The draft's option {item.name} is {short(value)}; it must be {wish}.")
        if self.delay is not None and self.run_after is not None:
            raise InvalidDraft("Give delay or run_after, not both.")
        if self.unique_key is not None and not self.unique:
            raise InvalidDraft("unique_key needs unique=True; with unique=False nothing is compared.")


def creator(by: Any) -> str:
    """Return the text kept of who creates a task: of a user the unique name, as others may share what is shown."""
    named = getattr(by, "get_username", None)
    return clean_text(str((named() if callable(named) else "") or by)[:255])


def _is_int(value: Any, least: int, most: int = 2**31 - 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_share(value: Any) -> bool:
    return isinstance(value, str) and bool(_SHARE.fullmatch(value)) and float(value[:-1]) <= 100


def _is_moment(value: Any) -> bool:
    if not isinstance(value, dt.datetime) or timezone.is_aware(value) != settings.USE_TZ:
        return False
    return value <= timezone.now() + dt.timedelta(seconds=MOST_SECONDS)


def _is_text(value: Any, least: int, most: int) -> bool:
    return isinstance(value, str) and least <= len(value) <= most and is_storable(value)


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "timeout": (lambda v: is_seconds(v, 1), "seconds from 1 to ten years"),
    "finally_": (lambda v: isinstance(v, EntityWrapper), "an EntityWrapper of an EntityFinally"),
    "retry": (lambda v: isinstance(v, RetryPolicy), "a RetryPolicy"),
    "on_error": (lambda v: v in OnError.values, "OnError.STOP or OnError.CONTINUE"),
    "max_failures": (lambda v: _is_int(v, 0) or _is_share(v), 'an int of at least 0 or a share like "50%"'),
    "parallel": (lambda v: isinstance(v, bool), "True or False"),
    "max_parallel": (lambda v: _is_int(v, 1), "an int of at least 1"),
    "unique": (lambda v: isinstance(v, bool), "True or False"),
    "unique_key": (lambda v: _is_text(v, 1, 255), "1 to 255 characters without NUL and lone surrogates"),
    "priority": (lambda v: _is_int(v, -100, 100), "an int from -100 to 100"),
    "delay": (lambda v: is_seconds(v, 0), "seconds from 0 to ten years"),
    "run_after": (_is_moment, "a datetime at most ten years ahead, aware if and only if USE_TZ is on"),
    "queue": (lambda v: _is_text(v, 0, 64), "at most 64 characters without NUL and lone surrogates"),
}


class TaskDraft:
    """A task that can still be changed; built once."""

    def __init__(self, title: str, stages: Iterable[EntityWrapper], options: DraftOptions) -> None:
        if not isinstance(title, str) or not title.strip():
            raise InvalidDraft(f"A task's title must be a text that is not empty, not {short(title)}.")
        if not is_storable(title):
            raise InvalidDraft(f"The title {short(title)} holds a NUL or a lone surrogate, which no database stores.")
        if len(title) > 255:
            raise InvalidDraft(f"The title has {len(title)} characters; at most 255 are kept: {title[:40]!r}…")
        self.title = title
        self.options = options
        self.is_built = False
        self._sources: list[Iterable[EntityWrapper]] = []
        self._is_read = False
        for stage in stages:
            self.add_stage(stage)

    def add_stage(self, stage: EntityWrapper) -> Self:
        """Add a stage behind the others."""
        self._sources.append((_checked(stage),))
        return self

    def extend(self, stages: Iterable[EntityWrapper]) -> Self:
        """Add the stages of an iterable, which is read once, piece by piece, when the task is built."""
        if not isinstance(stages, Iterable) or isinstance(stages, str | bytes | Mapping):
            raise InvalidDraft(f"extend takes an iterable of EntityWrappers, not {short(stages)}.")
        self._sources.append(stages)
        return self

    def using(self, **options: Any) -> Self:
        """Set options."""
        self.options = _replace(self.options, options)
        return self

    def stages(self) -> Iterator[EntityWrapper]:
        """Yield the stages, and refuse what is none; for the builder."""
        if self._is_read and any(isinstance(source, Iterator) for source in self._sources):
            raise InvalidDraft(
                f"A build that failed has read the stages of the draft {self.title!r} from an iterator; "
                "make a new one with create."
            )
        self._is_read = True
        yield from map(_checked, chain.from_iterable(self._sources))


def _checked(stage: Any) -> EntityWrapper:
    if not isinstance(stage, EntityWrapper):
        raise InvalidDraft(f"A stage must be an EntityWrapper, not {short(stage)}.")
    return stage


def make_options(options: dict[str, Any]) -> DraftOptions:
    """Return options from keyword arguments; raise InvalidDraft naming the unknown one."""
    return _replace(DraftOptions(), options)


def _replace(old: DraftOptions, options: dict[str, Any]) -> DraftOptions:
    known = {item.name for item in dataclasses.fields(DraftOptions)}
    if unknown := sorted(set(options) - known):
        raise InvalidDraft(f"Unknown option {unknown[0]!r} of a draft. {meant(unknown[0], known)}")
    return dataclasses.replace(old, **options)
