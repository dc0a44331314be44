"""A bar in segments: which part of the stages is how, in percent of its width."""

from __future__ import annotations

from dataclasses import dataclass

from ..models import Task

#: Percent. What is not zero can be seen.
_LEAST = 1.5
#: In the order of the bar; what is left over is the empty track.
_PARTS = ("success", "skipped", "error", "running", "waiting", "canceled")


@dataclass(frozen=True)
class Segment:
    """A part of the bar: ``kind`` is a state in small letters, ``x`` and ``width`` are percent."""

    kind: str
    x: str
    width: str


def segments(task: Task) -> list[Segment]:
    """Return the segments of a bar for the stages of the task, from left to right."""
    counts = {kind: getattr(task, f"{kind}_count") for kind in _PARTS}
    total = max(task.total_count, sum(counts.values()), 1)
    widths = {kind: max(_LEAST, 100 * count / total) for kind, count in counts.items() if count}
    if (over := sum(widths.values()) - 100) > 0:
        widths[max(widths, key=widths.__getitem__)] -= over
    found, x = [], 0.0
    for kind, width in widths.items():
        found.append(Segment(kind, f"{x:.2f}%", f"{width:.2f}%"))
        x += width
    return found
