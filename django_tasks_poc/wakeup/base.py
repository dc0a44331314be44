"""The interface of a wake-up."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..node import EntityNode

T = TypeVar("T")


class Wakeup(ABC):
    """Calls ``on_wake`` in the loop's thread soon after somebody else changed the node's rows."""

    def __init__(
        self,
        node: EntityNode,
        on_wake: Callable[[], None],
        call: Callable[[Callable[[], int]], Awaitable[int]],
    ) -> None:
        self.node = node
        self.on_wake = on_wake
        #: Runs a function in the manager's database thread.
        self.call = call
        self.is_busy = False

    @abstractmethod
    async def run(self) -> None:
        """Watch until cancelled."""
