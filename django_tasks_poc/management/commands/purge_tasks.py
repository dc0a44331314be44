"""Delete tasks that ended long ago."""

from __future__ import annotations

import argparse
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...exceptions import TaskError
from ...node import nodes
from ...processing import PIECE
from ...purging import PurgeCursor, PurgeWish, words
from ...states import FINAL, State
from ...texts import one_line
from ..age import as_seconds

#: Seconds between two transactions, in which others get their turn: the lock of a SQLite file knows no queue.
_BEAT = 0.05
#: Seconds between two pictures on a terminal.
_PICTURE = 0.2


class Command(BaseCommand):
    help = "Delete tasks that ended, each with all below it. Nothing of an open task is touched."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        states = [state.value for state in State if state in FINAL]
        add = parser.add_argument
        add("--older-than", type=as_seconds, required=True, metavar="AGE",
            help="purge what ended longer ago: 5d, 12h, 30m, 90s, or seconds")  # fmt: skip
        add("--state", action="append", choices=states,
            help="purge only what ended in this state; may be given again for more (default: in any)")  # fmt: skip
        add("--node", default="default", help="label of the node whose tasks are purged (default: default)")
        add("--dry-run", action="store_true", help="say what would be purged, and delete nothing")

    def handle(
        self, *, older_than: float, state: list[str] | None, node: str, dry_run: bool, **options: Any
    ) -> None:  # fmt: skip
        wish = PurgeWish(older_than, frozenset(map(State, state)) if state else FINAL, is_trial=dry_run)
        self._trees = self._stages = 0
        self._shown = time.monotonic()
        try:
            self._purge(node, wish)
        except TaskError as error:
            raise CommandError(str(error), returncode=2) from error
        except KeyboardInterrupt:
            done = words(self._trees, self._stages)
            raise CommandError(f"{done} Stopped; run it again to go on.", returncode=130) from None
        self.stdout.write(words(self._trees, self._stages, "Would purge" if dry_run else "Purged"))

    def _purge(self, node: str, wish: PurgeWish) -> None:
        command, cursor = nodes[node].task_command, PurgeCursor()
        try:
            while True:
                purged = command.purge(PIECE, cursor, wish)
                self._trees += purged.trees
                self._stages += purged.stages
                for kept in purged.kept:
                    self._clear()
                    title, reason = one_line(kept.title), one_line(kept.reason, 300)
                    self.stdout.write(f"“{title}” ({kept.task}) is kept: {reason}.")
                if purged.next is None:
                    return
                cursor = purged.next
                self._draw()
                if not wish.is_trial:
                    time.sleep(_BEAT)
        finally:
            self._clear()

    def _draw(self) -> None:
        """Show on a terminal how far it is."""
        if self.stderr.isatty() and time.monotonic() - self._shown > _PICTURE:
            self._put(f"\r\x1b[K{self._trees:,} tasks, {self._stages:,} stages …")
            self._shown = time.monotonic()

    def _clear(self) -> None:
        if self.stderr.isatty():
            self._put("\r\x1b[K")

    def _put(self, text: str) -> None:
        self.stderr.write(text, style_func=str, ending="")  # It is no error, and not red.
        self.stderr.flush()
