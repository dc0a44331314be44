"""What stands where a handler should, and handlers whose class says nonsense."""

from __future__ import annotations

from typing import Any

from django_tasks_poc import TaskHandlerBase

NUMBER = 3


def function(context: Any) -> None:
    """No handler, however it is called."""


class Foreign:
    """A class that derives from nothing of ours."""

    def handle(self, context: Any) -> None: ...


class Taking(TaskHandlerBase):
    """Takes params of three kinds; answers with the last."""

    def __init__(self, number: int = 0, day: int | None = None, free: Any = None) -> None:
        self.free = free

    def handle(self, context: Any) -> Any:
        return self.success("taken", self.free)


class Needing(TaskHandlerBase):
    """Cannot be made without its param."""

    def __init__(self, path: str) -> None:
        self.path = path

    def handle(self, context: Any) -> Any:
        return self.success(self.path)


class ByPosition(TaskHandlerBase):
    def __init__(self, *rows: int) -> None: ...

    def handle(self, context: Any) -> Any:
        return self.success()


class Abstract(TaskHandlerBase):
    """Says nowhere what it does."""


class Hasty(Taking):
    timeout = 0


class Stubborn(Taking):
    retry: Any = 3


class Undecided(Taking):
    atomic: Any = "perhaps"


def nested() -> type:
    """Return a class that no other process can import."""

    class Local(TaskHandlerBase):
        def handle(self, context: Any) -> Any:
            return self.success()

    return Local


class Reading(TaskHandlerBase):
    """Reads what its context has."""

    def __init__(self, what: str) -> None:
        self.what = what

    def handle(self, context: Any) -> Any:
        if self.what == "results":
            return self.success("read", len(list(context.previous.response.stages)))
        return self.success("read", str(getattr(context, self.what)))
