"""What a person sees who runs a manager in a terminal: log lines, and a live bar below them."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from typing import IO, Any

from ..storage.values import TaskCounts
from ..texts import one_line
from .life import Life

#: Seconds between two pictures.
_ON_TERMINAL = 0.2
_IN_LINES = 5.0
_BAR = 24


class Console(logging.StreamHandler[Any]):
    """Writes log lines to a stream; on a terminal it keeps a progress bar below the last one."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(stream)
        self.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        self._is_terminal = stream.isatty()
        self._picture = ""
        self._watching: asyncio.Future[None] | None = None
        self._rates: dict[Any, tuple[float, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self._clear()
        super().emit(record)
        self._draw()

    def watch(self, life: Life) -> None:
        """Show how far the tasks of a manager's life are."""
        if self._watching is not None:
            self._watching.cancel()  # That was the life before.
        self._watching = asyncio.ensure_future(self._show(life))

    def close(self) -> None:
        self._clear()
        self._picture = ""
        super().close()

    async def _show(self, life: Life) -> None:
        while not life.stop.requested.is_set():
            await asyncio.sleep(_ON_TERMINAL if self._is_terminal else _IN_LINES)
            tasks = life.runs.tasks()
            counts = await life.database.call(life.processing.counts, tasks) if tasks else []
            # The largest one is what a person waits for.
            self._picture = self._line(max(counts, key=lambda task: task.total)) if counts else ""
            if self._is_terminal:
                self._draw()
            elif self._picture:
                self.stream.write(f"{self._picture}\n")
                self.flush()
        self._clear()
        self._picture = ""

    def _line(self, task: TaskCounts) -> str:
        share = task.finished / task.total if task.total else 1.0
        filled = int(share * _BAR)
        bar = "█" * filled + "░" * (_BAR - filled)
        failed = f", {task.failed:,} failed" if task.failed else ""
        stages = f"{task.finished:,} of {task.total:,} stages{failed}{self._rate(task)}"
        text = f"{bar} {share:4.0%}  {stages}  {one_line(task.title)}"
        return text[: shutil.get_terminal_size().columns - 1] if self._is_terminal else text

    def _rate(self, task: TaskCounts) -> str:
        """Return the rate since the task was first shown, and what is left at that rate."""
        began, before = self._rates.setdefault(task.task, (time.monotonic(), task.finished))
        seconds, done = time.monotonic() - began, task.finished - before
        if seconds < 1 or not done:
            return ""
        rate = done / seconds
        return f", {rate:,.0f}/s, about {(task.total - task.finished) / rate:,.0f} s left"

    def _clear(self) -> None:
        if self._is_terminal and self._picture:
            self.stream.write("\r\x1b[K")

    def _draw(self) -> None:
        if self._is_terminal:
            self.stream.write(f"\r\x1b[K{self._picture}")
            self.flush()
