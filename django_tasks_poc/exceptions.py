"""Every error that this package raises on purpose."""

from __future__ import annotations

from uuid import UUID


class TaskError(Exception):
    """Base of all errors of this package."""


class InvalidDraft(TaskError, ValueError):
    """A draft has an option or a stage that cannot be built."""


class InvalidHandler(TaskError, TypeError):
    """A handler is missing, cannot be imported, or is no handler."""


class InvalidParams(TaskError, ValueError):
    """Params of a handler are missing, unknown, of a wrong type, or no JSON."""


class InvalidResponse(TaskError, ValueError):
    """A response is no JSON value, or is too large."""


class NodeNotConfigured(TaskError, KeyError):
    """A node is not in the setting DJANGO_TASKS_POC["NODES"]."""

    __str__ = Exception.__str__  # a KeyError would put its words in quotes


class NoLockFile(TaskError, OSError):
    """A manager's lock file cannot be made."""


class TooFewFiles(TaskError, OSError):
    """This process may not have as many files open as its stages need."""


class TaskNotFound(TaskError, LookupError):
    """No task has this uuid on this node's database."""


class NotMigrated(TaskError):
    """The database has no tables of this package, or those of an older version."""


class UnreadableRow(TaskError, ValueError):
    """What a row holds cannot be read: it was changed in the database."""


class TaskExists(TaskError):
    """An open task with the same unique key exists; ``uuid`` names it."""

    def __init__(self, uuid: UUID, key: str = "") -> None:
        super().__init__(
            f"Task {uuid} with the same unique key is still open. Wait for it, cancel it, or use unique=False."
        )
        self.uuid = uuid
        self.key = key


class TaskBusy(TaskError):
    """A verb is refused because a stage of the tree is at work; ``uuid`` names that stage."""

    def __init__(self, uuid: UUID, message: str) -> None:
        super().__init__(message)
        self.uuid = uuid


class ManagerLost(TaskError):
    """The manager's own row is gone or dead: another manager has rescued its stages."""


class TokenLost(TaskError):
    """The stage was started anew elsewhere: what this process would write is refused."""


class WriteConflict(TaskError):
    """A row changed under a lock that should have held it; the transaction is taken back whole."""


class ProcessDied(TaskError):
    """A stage's process ended without an answer: it crashed or was killed. Named by results, raised nowhere."""


class TaskCanceled(TaskError):
    """A task was canceled before it ended by itself. Named by results, raised nowhere."""
