"""What a timeline shows, free of how it is drawn: rows of bars, lines and bands, in seconds of the axis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from ...states import State


class Pause(Enum):
    """Why there is no process: the line of each looks different."""

    WAIT = "wait"
    DELAY = "gapline"


@dataclass(frozen=True)
class Bar:
    """A start of a stage; ``word`` says how it ended when that was out of the ordinary."""

    state: State
    start: float
    end: float
    word: str = ""


@dataclass(frozen=True)
class Line:
    """Time in which a stage had no process."""

    kind: Pause
    start: float
    end: float


@dataclass(frozen=True)
class Band:
    """How many stages were at work in each piece of time, by state, and when some failed.

    ``peak`` is how many those of the fullest piece were; ``layers`` are drawn from the bottom to the top.
    """

    layers: tuple[tuple[State, tuple[float, ...]], ...] = ()
    failures: tuple[float, ...] = ()
    peak: float = 0.0
    is_tall: bool = False


@dataclass(frozen=True)
class Row:
    """A stage, or a task as a band (which has no ``state``); ``label`` says the same as the drawing."""

    key: str
    level: int
    name: str
    label: str
    url: str = ""
    state: State | None = None
    note: str = ""
    end: str = ""
    bars: tuple[Bar, ...] = ()
    lines: tuple[Line, ...] = ()
    band: Band | None = None
    #: Only words, no drawing: how many more there are.
    is_rest: bool = False


@dataclass(frozen=True)
class Zone:
    """A pause, as a column through all rows."""

    start: float
    end: float
    by: str = ""


@dataclass(frozen=True)
class Links:
    """What makes the addresses of the pages of tasks and stages."""

    task: Callable[[UUID], str]
    stage: Callable[[UUID], str]
