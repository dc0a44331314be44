"""What a handler answers with, and what the next stage sees of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID

from .states import State


class Answer(Enum):
    """The seven answers a handler has."""

    SUCCESS = "success"
    ERROR = "error"
    WAIT = "wait"
    DELAY = "delay"
    PAUSE = "pause"
    SKIP = "skip"
    CANCEL = "cancel"


STATE_OF_ANSWER = {
    Answer.SUCCESS: State.SUCCESS,
    Answer.ERROR: State.ERROR,
    Answer.WAIT: State.WAITING,
    Answer.DELAY: State.READY,
    Answer.PAUSE: State.PAUSED,
    Answer.SKIP: State.SKIPPED,
    Answer.CANCEL: State.CANCELED,
}


@dataclass(frozen=True)
class ErrorInfo:
    """An error as it is stored: dotted path of the exception's class, its text, the traceback."""

    class_path: str = ""
    message: str = ""
    traceback: str = ""

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class Outcome:
    """The answer of a handler, or how a task ended (the argument of ``EntityFinally.handle``).

    ``seconds`` belongs to a delay, ``nested`` to a wait, ``exception`` to an error that was raised.
    """

    answer: Answer
    message: str = ""
    response: Any = None
    error: ErrorInfo | None = None
    exception: BaseException | None = None
    nested: UUID | None = None
    seconds: float = 0.0

    @property
    def state(self) -> State:
        return STATE_OF_ANSWER[self.answer]


@dataclass(frozen=True)
class Previous:
    """The outcome of the stage before: its state, message, response and error.

    After a wait ``response`` is a lazy object with ``success``, ``failure`` and ``stages``.
    """

    stage: UUID
    state: State
    message: str
    response: Any
    error: ErrorInfo | None


@dataclass(frozen=True)
class VerbResult:
    """What a verb did: how many tasks and stages it moved, how many processes it asks to stop."""

    tasks: int = 0
    stages: int = 0
    processes: int = 0

    def __bool__(self) -> bool:
        return bool(self.tasks or self.stages or self.processes)
