"""What a tree is made of; times are seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from ..states import State


@dataclass
class TreeAttempt:
    """A start that did not succeed: how it ended, and what is left of it. ``max_rss`` is KiB."""

    start: int
    attempt: int
    outcome: str
    message: str
    traceback: str
    exit_code: int | None
    signal: int | None
    max_rss: int | None
    duration: float | None


@dataclass
class TreeEvent:
    """Who gave which verb to the task, when and why."""

    verb: str
    at: datetime
    by: str
    reason: str


@dataclass
class TreeStage:
    """One stage; ``progress`` is [done, total, message] of a running one that told it, ``due`` when it starts again."""

    uuid: UUID
    order: int
    is_finally: bool
    handler: str
    params: str
    state: str
    message: str
    response: str
    response_type: str
    error: str
    traceback: str
    attempt: int
    start: int
    progress: tuple[float, float, str] | None
    due: datetime | None
    duration: float | None
    attempts: list[TreeAttempt] = field(default_factory=list)
    nested: list[TreeTask] = field(default_factory=list)

    @property
    def fraction(self) -> float:
        """How much of it is done, 0 to 1."""
        if is_final(self.state):
            return 1.0
        if self.progress is not None and self.progress[1] > 0:
            return min(1.0, max(0.0, self.progress[0] / self.progress[1]))
        # A stage that was run anew has several; the newest is the one that it waits for.
        return self.nested[-1].fraction if self.nested and self.state == State.WAITING else 0.0


@dataclass
class TreeTask:
    """One task; ``stages`` are some of its ``total``, and ``hidden`` counts the others by state."""

    uuid: UUID
    node: str
    title: str
    state: str
    message: str
    parallel: bool
    total: int
    counts: dict[str, int]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration: float | None
    #: It has ended, and its finally too.
    is_over: bool
    stages: list[TreeStage] = field(default_factory=list)
    hidden: dict[str, int] = field(default_factory=dict)
    #: Nested tasks of shown stages that are not shown.
    hidden_nested: int = 0
    events: list[TreeEvent] = field(default_factory=list)

    @property
    def finished(self) -> int:
        return sum(count for state, count in self.counts.items() if is_final(state))

    @property
    def fraction(self) -> float:
        """How much of it is done, 0 to 1: stages that ended, and the fractions of those at work that are shown."""
        if self.finished_at is not None:
            return 1.0
        at_work = sum(s.fraction for s in self.stages if not s.is_finally and not is_final(s.state))
        return min(1.0, (self.finished + at_work) / self.total) if self.total else 0.0

    def walk(self) -> list[TreeStage]:
        """Return all stages that are shown of it and of what is nested in it, from the top."""
        found = []
        for stage in self.stages:
            found.append(stage)
            for nested in stage.nested:
                found += nested.walk()
        return found


def is_final(state: str) -> bool:
    """Say whether it is over; a state that nobody knows is not."""
    return state in State.values and State(state).is_final
