"""Records that hold: one poisonous outcome never keeps the others from being written."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from ..serialization import clean_text
from ..states import State
from ..storage.base import StageCommand
from ..storage.values import Recorded, StageMove


def record(command: StageCommand, moves: Sequence[StageMove], manager: UUID | None = None, room: int = 0) -> Recorded:
    """Record a batch; when the database refuses a value, split it down to the row, which becomes ERROR.

    Up to ``room`` stages that come next are claimed for the manager.
    """
    if not moves:
        return Recorded()
    try:
        return command.record(moves, manager, room)
    except Exception as error:
        if not command.is_content(error):
            raise
        if len(moves) == 1:
            return command.record([_refused(moves[0], error)])
        half = len(moves) // 2
        recorded = record(command, moves[:half], manager, room)
        recorded.merge(record(command, moves[half:], manager, room - len(recorded.claims)))
        return recorded


def _refused(move: StageMove, error: Exception) -> StageMove:
    words = clean_text(f"The database refused the outcome: {type(error).__name__}: {error}", 4096)
    return msgspec.structs.replace(
        move, state=State.ERROR, message=words, error_message=words, response="", response_type="", error_class="",
        traceback="", nested=None, cancels_task=False, attempt=None,
    )  # fmt: skip
