"""What a task keeps of its draft and its handlers, as one JSON document on the task's row."""

from __future__ import annotations

import random

import msgspec

from .entities import EntityFinally, EntityHandler, RetryPolicy
from .exceptions import InvalidHandler, UnreadableRow
from .serialization import class_path, import_class, reading

#: A stage whose start was lost more often than this becomes ERROR.
MAX_LOST = 20


class StoredRetry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A retry policy as it is stored; ``on`` holds dotted paths and is read in the stage's process only."""

    max_attempts: int = 1
    delay: float = 0.0
    backoff: float = 1.0
    max_delay: float = 3600.0
    jitter: bool = False
    on: tuple[str, ...] = ("builtins.Exception",)

    @classmethod
    def of(cls, policy: RetryPolicy) -> StoredRetry:
        paths = tuple(class_path(error) for error in policy.on)
        return cls(policy.max_attempts, policy.delay, policy.backoff, policy.max_delay, policy.jitter, paths)

    def matches(self, error: BaseException) -> bool:
        """Say whether the policy retries after this exception."""
        return any(isinstance(error, found) for path in self.on if (found := _error_class(path)) is not None)

    def pause_after(self, attempt: int) -> float:
        """Return the seconds to wait after the failure of ``attempt`` (counted from 1)."""
        try:
            seconds = min(self.delay * self.backoff ** (attempt - 1), self.max_delay)
        except OverflowError:
            seconds = self.max_delay
        return seconds * random.uniform(0.5, 1.0) if self.jitter else seconds


def _error_class(path: str) -> type | None:
    """Return the class of exceptions; None for one that is no longer there, which nothing can have raised."""
    try:
        return import_class(path, Exception)
    except InvalidHandler:
        return None


NO_RETRY = StoredRetry()


class HandlerSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the manager must know of a handler's class without importing it."""

    timeout: float | None = None
    retry: StoredRetry | None = None
    atomic: bool = False

    @classmethod
    def of(cls, handler: type[EntityHandler] | type[EntityFinally]) -> HandlerSpec:
        retry = StoredRetry.of(handler.retry) if handler.retry is not None else None
        return cls(handler.timeout, retry, handler.atomic)


class FinallySpec(msgspec.Struct, frozen=True):
    """The finally stage, kept here until its task ends."""

    handler: str
    params: str


class TaskOptions(msgspec.Struct, omit_defaults=True):
    """The stored options: the draft's own, and one spec a handler."""

    timeout: float | None = None
    retry: StoredRetry | None = None
    finally_: FinallySpec | None = None
    handlers: dict[str, HandlerSpec] = {}
    #: Whether there is a shared context to be read.
    has_shared: bool = True

    def timeout_of(self, handler: str) -> float | None:
        """Return the seconds of an attempt: the handler's, else the draft's, else None (the node's)."""
        spec = self.handlers.get(handler)
        return spec.timeout if spec is not None and spec.timeout is not None else self.timeout

    def retry_of(self, handler: str, *, is_finally: bool = False) -> StoredRetry:
        """Return the handler's policy, else the draft's; a finally never takes the draft's."""
        spec = self.handlers.get(handler)
        if spec is not None and spec.retry is not None:
            return spec.retry
        return (None if is_finally else self.retry) or NO_RETRY

    def is_atomic(self, handler: str) -> bool:
        spec = self.handlers.get(handler)
        return spec is not None and spec.atomic

    def dumps(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def loads(cls, text: str) -> TaskOptions:
        """Return the options; raise UnreadableRow."""
        with reading("The options of the task"):
            return msgspec.json.decode(text, type=cls)

    @classmethod
    def readable(cls, text: str) -> TaskOptions | None:
        """Return the options, or None where they cannot be read, for what must go on all the same."""
        try:
            return cls.loads(text)
        except UnreadableRow:
            return None
