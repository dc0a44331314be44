"""The nouns a user names when building a task: handlers, wrappers of them, and how failures are treated."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec
from uuid import UUID

from django.db.models import TextChoices

from .exceptions import InvalidDraft, InvalidHandler, InvalidParams
from .serialization import check_params, class_path, import_class, import_path, refuse_abstract, to_json
from .words import is_seconds, short

if TYPE_CHECKING:
    from .outcomes import Outcome
    from .tasks_api import Task

P = ParamSpec("P")

#: The handler that calls a function of Django's tasks framework.
FUNCTION_HANDLER = "django_tasks_poc.backend.function.CallFunction"

_MOST_ATTEMPTS, _MOST_BACKOFF = 1_000_000, 1_000


class OnError(TextChoices):
    """What a task does when one of its stages fails."""

    STOP = "STOP", "Stop at the first failure"
    CONTINUE = "CONTINUE", "Run every stage"


class TaskResponse:
    """Derive a dataclass from this to give a response a type that survives the database."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often, and after how many seconds, a stage that failed is started again.

    The n-th retry waits ``min(delay * backoff ** (n - 1), max_delay)`` seconds; with ``jitter`` a random part of
    that, between half and all. ``on`` chooses among exceptions; a crash and a timeout are always retried.
    """

    max_attempts: int = 1
    delay: float = 0.0
    backoff: float = 1.0
    max_delay: float = 3600.0
    jitter: bool = False
    on: tuple[type[Exception], ...] = (Exception,)

    def __post_init__(self) -> None:
        attempts, backoff = self.max_attempts, self.backoff
        if not isinstance(attempts, int) or isinstance(attempts, bool) or not 1 <= attempts <= _MOST_ATTEMPTS:
            raise InvalidDraft(
                f"RetryPolicy.max_attempts is {short(attempts)}; it must be an int from 1 to {_MOST_ATTEMPTS:,}."
            )
        for name in ("delay", "max_delay"):
            if not is_seconds(value := getattr(self, name), 0):
                raise InvalidDraft(f"RetryPolicy.{name} is {short(value)}; it must be seconds from 0 to ten years.")
        if not isinstance(backoff, int | float) or isinstance(backoff, bool) or not 1 <= backoff <= _MOST_BACKOFF:
            raise InvalidDraft(
                f"RetryPolicy.backoff is {short(backoff)}; it must be a number from 1 to {_MOST_BACKOFF:,}."
            )
        if not isinstance(self.jitter, bool):
            raise InvalidDraft(f"RetryPolicy.jitter is {short(self.jitter)}; it must be True or False.")
        on = tuple(self.on) if isinstance(self.on, tuple | list) else (self.on,)
        for error in on:
            if not (isinstance(error, type) and issubclass(error, Exception)):
                raise InvalidDraft(f"RetryPolicy.on holds {short(error)}; it must hold subclasses of Exception.")
        object.__setattr__(self, "on", on)


class EntityHandler(ABC):
    """What can be a stage: made from its params, then asked once to ``handle``."""

    #: Seconds an attempt may take; None takes the draft's, then the node's.
    timeout: ClassVar[float | None] = None
    #: None takes the draft's.
    retry: ClassVar[RetryPolicy | None] = None
    #: True commits the ORM writes of ``handle`` and its outcome in one transaction.
    atomic: ClassVar[bool] = False

    @abstractmethod
    def handle(self, context: Any) -> Outcome | Awaitable[Outcome]:
        """Do the work and answer with an outcome."""

    def handle_error(self, context: Any, error: Outcome) -> Outcome | Awaitable[Outcome]:
        """Return what is to be stored for the exception in ``error.exception``; anything but a wait."""
        return error


class EntityFinally(ABC):
    """What runs once after a task ended, in whatever way."""

    timeout: ClassVar[float | None] = None
    retry: ClassVar[RetryPolicy | None] = RetryPolicy(max_attempts=5)
    atomic: ClassVar[bool] = False

    @abstractmethod
    def handle(self, uuid: UUID, outcome: Outcome) -> Any:
        """Act on the end of task ``uuid``; what is returned is ignored."""


@dataclass(frozen=True)
class EntityWrapper:
    """A handler, as a class or its dotted path, with the params it will be made from.

    Params of a class are checked here, those of a dotted path when the task is built.
    """

    handler: type[EntityHandler] | type[EntityFinally] | str
    params: Mapping[str, Any] = field(default_factory=dict)
    _json: str = field(default="", init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.handler, type) and issubclass(self.handler, EntityHandler | EntityFinally):
            _check_handler(self.handler)
            object.__setattr__(self, "_json", check_params(self.handler, self.params))
        elif not (isinstance(self.handler, str) and self.handler.strip()):
            raise InvalidHandler(
                f"{short(self.handler)} is no handler. Give a subclass of TaskHandlerBase or EntityFinally, "
                "or its dotted path."
            )

    @classmethod
    def of(
        cls, handler: Callable[P, EntityHandler | EntityFinally], *args: P.args, **params: P.kwargs
    ) -> EntityWrapper:
        """Return a wrapper whose params a type checker compares with the handler's ``__init__``."""
        if args:
            raise InvalidHandler("EntityWrapper.of takes params by name only.")
        return cls(handler, params)  # type: ignore[arg-type]  # __post_init__ refuses what is no class

    @classmethod
    def from_task(cls, task: Task[..., Any], **kwargs: Any) -> EntityWrapper:
        """Return a wrapper of a handler that calls the function of ``task``, made by Django's ``@task``.

        What it returns is the stage's response. The draft's timeout and retry apply. Raises InvalidHandler and
        InvalidParams.
        """
        from .tasks_api import Task as TaskType  # Django 5.2 may have none

        if not isinstance(task, TaskType):
            raise InvalidHandler(f"from_task takes a function decorated with @task, not {short(task)}.")
        path = task.module_path
        if not (isinstance(found := import_path(path), TaskType) and found.func is task.func):
            raise InvalidHandler(f"{path} is not this task. Decorate the function with @task, and keep its name.")
        try:
            inspect.signature(task.func).bind(*([None] if task.takes_context else []), **kwargs)
        except TypeError as error:
            raise InvalidParams(f"Params of {path}: {error}.") from error
        to_json(kwargs, f"A param of {path}", InvalidParams)
        return cls(FUNCTION_HANDLER, {"function": path, "args": [], "kwargs": kwargs})

    def params_json(self) -> str:
        """Return the params as JSON text."""
        return self._json or check_params(self.resolve(object), self.params)

    def resolve(self, base: type) -> type:
        """Return the handler's class, which must derive from ``base``."""
        if isinstance(self.handler, str):
            found = import_class(self.handler, base)
            _check_handler(found)
            return found
        if not issubclass(self.handler, base):
            raise InvalidHandler(f"{class_path(self.handler)} must derive from {base.__name__} to stand here.")
        return self.handler


@lru_cache(maxsize=4096)
def _check_handler(handler: Any) -> None:
    """Refuse a class that another process cannot import or make, or whose attributes no manager can follow."""
    path = class_path(handler)
    refuse_abstract(handler)
    if handler.timeout is not None and not is_seconds(handler.timeout, 1):
        raise InvalidHandler(f"{path}.timeout is {short(handler.timeout)}; it must be seconds from 1 to ten years.")
    if handler.retry is not None and not isinstance(handler.retry, RetryPolicy):
        raise InvalidHandler(f"{path}.retry is {short(handler.retry)}; it must be a RetryPolicy.")
    if not isinstance(handler.atomic, bool):
        raise InvalidHandler(f"{path}.atomic is {short(handler.atomic)}; it must be True or False.")
