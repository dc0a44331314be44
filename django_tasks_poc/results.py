"""The results of a nested task, read from its rows in pieces and never held as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload
from uuid import UUID

from .outcomes import ErrorInfo
from .serialization import reading
from .states import FAILED, State
from .storage.base import storage

if TYPE_CHECKING:
    from .models import TaskStage

T = TypeVar("T")

#: Rows read at once: fewer when they are large, so that a piece has about this many characters.
_MOST_ROWS = 1000
_PIECE = 4 << 20


@dataclass(frozen=True)
class StageResult:
    """How one stage of a nested task ended: its uuid, params, state, message, error and response."""

    stage: UUID
    params: Any
    state: State
    message: str
    error: ErrorInfo | None
    response: Any


class LazyRows(Sequence[T], Generic[T]):
    """The stages of a task that are in some states, in order, as values; each pass reads them anew."""

    def __init__(
        self, node: str, task: UUID, states: frozenset[State], value: Callable[[TaskStage, UUID | None], T]
    ) -> None:
        self._node = node
        self._task = task
        self._states = states
        self._value = value
        self._length: int | None = None

    def __len__(self) -> int:
        # A task that was waited for has ended: its stages do not change while this is read.
        if self._length is None:
            self._length = storage(self._node).stage_query.count(self._task, self._states)
        return self._length

    def __iter__(self) -> Iterator[T]:
        query, after, limit = storage(self._node).stage_query, -1, 50
        while rows := query.page(self._task, self._states, after=after, limit=limit):
            yield from self._values(rows)
            after = rows[-1].order
            size = sum(len(row.response) + len(row.params) + 100 for row in rows) // len(rows)
            limit = max(1, min(_MOST_ROWS, _PIECE // size))

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if index < 0:
            raise IndexError(index)
        return next(self._values([storage(self._node).stage_query.at(self._task, self._states, index)]))

    def _values(self, rows: Sequence[TaskStage]) -> Iterator[T]:
        # Only a stage that waited has counts for a response and no type: ask for the nested tasks of the piece at once.
        nested = storage(self._node).task_query.nested_of([row.uuid for row in rows if row.waited])
        for row in rows:
            yield self._value(row, nested.get(row.uuid))

    def __repr__(self) -> str:
        return f"<{len(self)} stages of task {self._task}>"


@dataclass(frozen=True)
class NestedResults:
    """What a stage that waited has for a response: its nested task's ends, by how they ended."""

    node: str
    task: UUID

    @property
    def success(self) -> LazyRows[Any]:
        """The responses of the stages that succeeded."""
        return LazyRows(self.node, self.task, frozenset({State.SUCCESS}), self._response)

    @property
    def failure(self) -> LazyRows[StageResult]:
        """The stages that failed or were cancelled."""
        return LazyRows(self.node, self.task, FAILED, self._result)

    @property
    def stages(self) -> LazyRows[StageResult]:
        """All stages."""
        return LazyRows(self.node, self.task, frozenset(State), self._result)

    def _response(self, row: TaskStage, nested: UUID | None) -> Any:
        if nested is not None:
            return NestedResults(self.node, nested)
        return row.response_value

    def _result(self, row: TaskStage, nested: UUID | None) -> StageResult:
        with reading(f"The state of stage {row.uuid}"):
            state = State(row.state)
        return StageResult(row.uuid, row.params_value, state, row.message, row.error, self._response(row, nested))
