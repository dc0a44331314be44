"""The five verbs, and when there is nothing for them to do."""

from __future__ import annotations

from enum import StrEnum

from django.utils.translation import gettext as _

from ...models import Task
from ...states import State


class Verb(StrEnum):
    """What may be done to a task; the value is the end of its address."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"
    PURGE = "purge"

    @property
    def right(self) -> str:
        """The permission that it needs, besides that to view tasks: who may pause may resume."""
        return Verb.PAUSE.value if self is Verb.RESUME else self.value

    @property
    def asks(self) -> bool:
        """Whether it asks before it acts; what does not can be taken back."""
        return self not in (Verb.PAUSE, Verb.RESUME)


def why_not(verb: Verb, task: Task) -> str:
    """Say why the verb has nothing to do to the task as it was read; empty where it may have.

    What failed is in the nested tasks too, and is not looked for here.
    """
    is_final = task.state in State.values and State(task.state).is_final
    match verb:
        case Verb.PAUSE | Verb.CANCEL if is_final:
            return _("It has ended already.") if task.finished_at else _("It is being closed already.")
        case Verb.PAUSE if task.state == State.PAUSED:
            return _("It is paused already.")
        case Verb.RESUME if task.state != State.PAUSED:
            return _("It is not paused.")
        case Verb.RESUME if task.pause_root not in (None, task.uuid):
            return _("It is paused with a task above it: resume that one.")
        case Verb.RETRY if task.finished_at is None:
            return _("Retry is for a task that has ended: this one still runs.")
        case Verb.PURGE if task.depth:
            return _("It is a part of another task: purge that one.")
        case Verb.PURGE if task.finished_at is None:
            return _("It has not ended yet.")
        case Verb.PURGE if task.active:
            return _("Its finally stage still runs.")
    return ""
