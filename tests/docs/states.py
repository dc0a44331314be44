"""The diagrams of docs/states.md, drawn from the table of moves: ``python -m tests.docs.states`` draws them anew."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from django_tasks_poc.states import FINAL, TRANSITIONS, State

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "states.md"
MARK = re.compile(r"<!-- diagram: (open|final) -->\n(?:```mermaid\n.*?```\n)?", re.DOTALL)


def drawn(page: str) -> str:
    """Return the page with its diagrams as the table has them."""
    return MARK.sub(lambda found: f"<!-- diagram: {found[1]} -->\n{_diagram(found[1] == 'final')}", page)


def _diagram(is_of_final: bool) -> str:
    lines = ["stateDiagram-v2"]
    if not is_of_final:
        lines += ["state Final {", *(f"    {state}" for state in State if state in FINAL), "}"]
    for old in State:
        if (old in FINAL) is is_of_final:
            lines += (f"{old} --> {new}" for new in _targets(TRANSITIONS[old]))
    return "\n".join(["```mermaid", lines[0], *(f"    {line}" for line in lines[1:]), "```", ""])


def _targets(moves: frozenset[State]) -> Iterator[str]:
    """Name where the moves lead to; all final states together as one."""
    is_any = moves >= FINAL
    yield from (state for state in State if state in moves and not (is_any and state in FINAL))
    if is_any:
        yield "Final"


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
