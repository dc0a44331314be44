"""A tree on a terminal, in colours, and drawn anew while it goes on (with rich, the extra ``cli``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..states import State
from ..texts import width
from ..tree import TreeTask, branch_of
from .branches import cells

#: Cells between two columns, and the fewest of one that may be cut.
_GAP, _LEAST = 2, 10
_STYLES = {
    State.SUCCESS.value: "green",
    State.ERROR.value: "bold red",
    State.CANCELED.value: "red",
    State.RUNNING.value: "bold cyan",
    State.WAITING.value: "cyan",
    State.PAUSED.value: "yellow",
}


def show(pictures: Iterator[TreeTask], stream: IO[str], *, is_live: bool, no_color: bool = False) -> None:
    """Draw each picture in place of the one before, and leave the last one, whole."""
    console = Console(file=stream, no_color=no_color or None, highlight=False, markup=False, emoji=False)
    if is_live:
        with Live(console=console, auto_refresh=False, transient=True, vertical_overflow="ellipsis") as live:
            for picture in pictures:
                live.update(table_of(picture, console.width), refresh=True)
    else:
        (picture,) = pictures
    console.print(table_of(picture, console.width))


def table_of(picture: TreeTask, cells_wide: int) -> Table:
    """Return the tree as a table so many cells wide; foreign text is never read as markup."""
    rows = list(cells(branch_of(picture)))
    name, state, bar, took, _ = (max(map(width, column)) for column in zip(*rows, strict=True))
    # Names and words are cut where the terminal is narrow; what is short is not.
    free = cells_wide - (state + bar + took + 4 * _GAP)
    name = min(name, max(_LEAST, free * 3 // 5))
    table = Table.grid(padding=(0, _GAP, 0, 0))
    for size in (name, state, bar, took, max(_LEAST, free - name)):
        table.add_column(no_wrap=True, overflow="ellipsis", width=size)
    for text, word, drawn, time, words in rows:
        style, is_failed = _STYLES.get(word, "dim"), word == State.ERROR.value
        table.add_row(
            Text(text),
            Text(word, style),
            Text(drawn, "cyan"),
            Text(time, "dim"),
            Text(words, "red" if is_failed else ""),
        )
    return table
