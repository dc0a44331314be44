"""States of a task and of a stage, and the moves allowed between them."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class State(TextChoices):
    """Where a task or a stage stands; both rows use the same words."""

    PROMISED = "PROMISED", _("Promised")
    READY = "READY", _("Ready")
    RUNNING = "RUNNING", _("Running")
    WAITING = "WAITING", _("Waiting")
    PAUSED = "PAUSED", _("Paused")
    SUCCESS = "SUCCESS", _("Succeeded")
    ERROR = "ERROR", _("Failed")
    CANCELED = "CANCELED", _("Canceled")
    SKIPPED = "SKIPPED", _("Skipped")

    @property
    def is_final(self) -> bool:
        return self in FINAL


FINAL = frozenset({State.SUCCESS, State.ERROR, State.CANCELED, State.SKIPPED})
OPEN = frozenset(State) - FINAL
FAILED = frozenset({State.ERROR, State.CANCELED})

# Every move that may ever be written. The writer refuses all others.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.PROMISED: frozenset({State.READY, State.PAUSED, State.CANCELED}),
    # A task of no stages, and a stage whose row cannot be read, end without having run.
    State.READY: FINAL | {State.RUNNING, State.WAITING, State.PAUSED},
    State.RUNNING: FINAL | {State.READY, State.WAITING, State.PAUSED},
    State.WAITING: FINAL | {State.READY, State.RUNNING, State.PAUSED},
    State.PAUSED: frozenset({State.READY, State.RUNNING, State.WAITING, State.CANCELED}),
    # Out of a final state only by retry_failed.
    State.SUCCESS: frozenset({State.READY, State.RUNNING, State.WAITING}),
    State.ERROR: frozenset({State.READY, State.RUNNING, State.WAITING}),
    State.CANCELED: frozenset({State.READY, State.RUNNING, State.WAITING}),
    State.SKIPPED: frozenset({State.READY}),
}


def may_move(old: State, new: State) -> bool:
    """Say whether the table allows the move."""
    return new in TRANSITIONS[old]
