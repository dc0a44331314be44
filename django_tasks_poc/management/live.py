"""A tree on a terminal, in colours, and drawn anew while it goes on (with rich, the extra ``cli``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..states import State
from ..tree import TreeTask, branch_of
from .branches import cells

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
                live.update(table_of(picture), refresh=True)
    else:
        (picture,) = pictures
    console.print(table_of(picture))


def table_of(picture: TreeTask) -> Table:
    """Return the tree as a table; foreign text is never read as markup."""
    table = Table.grid(padding=(0, 2), expand=False)
    for name in ("name", "state", "bar", "took", "words"):
        table.add_column(name, no_wrap=True, overflow="ellipsis", justify="right" if name == "took" else "left")
    for name, state, bar, took, words in cells(branch_of(picture)):
        style = _STYLES.get(state, "dim")
        failed = state == State.ERROR.value
        table.add_row(
            Text(name), Text(state, style), Text(bar, "cyan"), Text(took, "dim"), Text(words, "red" if failed else "")
        )
    return table
