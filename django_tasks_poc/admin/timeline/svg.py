"""Pieces of SVG: places in percent of the width, so that a drawing fits any page and its text keeps its size."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from ...states import State

#: States whose solid has a pattern above it, which tells them apart without colour.
_PATTERNED = frozenset({State.ERROR, State.RUNNING, State.WAITING, State.CANCELED})


def joined(parts: Iterable[SafeString]) -> SafeString:
    """Return pieces of SVG as one."""
    return mark_safe("".join(parts))  # each part is


def solid(state: State, left: float, width: float, top: float, height: float, radius: int = 0) -> SafeString:
    """Return a bar in the colour and the pattern of a state; ``left`` and ``width`` are percent."""
    place = format_html(
        'x="{}%" y="{}" width="{}%" height="{}"{}', f"{left:.2f}", f"{top:.1f}", f"{width:.2f}", f"{height:.1f}",
        format_html(' rx="{}"', radius) if radius else mark_safe(' shape-rendering="crispEdges"'),
    )  # fmt: skip
    drawn = [format_html('<rect class="dtp-s-{}" {}/>', state.lower(), place)]
    if state in _PATTERNED:
        drawn.append(format_html('<rect fill="url(#dtp-p-{})" {}/>', state.lower(), place))
    return joined(drawn)


def box(name: str, left: float, width: float, top: float, height: float) -> SafeString:
    """Return a plain rectangle: the column of a pause, or a part of a distribution."""
    return format_html(
        '<rect class="{}" x="{}%" width="{}%" y="{}" height="{}"/>',
        name, f"{left:.2f}", f"{width:.2f}", f"{top:g}", f"{height:g}",
    )  # fmt: skip


def across(name: str, left: float, right: float, y: float) -> SafeString:
    """Return a line from left to right, in percent."""
    return format_html(
        '<line class="{}" x1="{}%" x2="{}%" y1="{}" y2="{}"/>', name, f"{left:.2f}", f"{right:.2f}", f"{y:g}", f"{y:g}"
    )


def down(name: str, x: float, top: float, bottom: float) -> SafeString:
    """Return a line from top to bottom at a percent of the width."""
    return format_html(
        '<line class="{}" x1="{}%" x2="{}%" y1="{}" y2="{}"/>', name, f"{x:.2f}", f"{x:.2f}", f"{top:g}", f"{bottom:g}"
    )


def text(x: float, y: float, words: str, name: str = "", anchor: str = "start", shift: int = 0) -> SafeString:
    """Return words at a percent of the width, moved by ``shift`` pixels."""
    return format_html(
        '<text{} x="{}%" y="{}" text-anchor="{}"{}>{}</text>',
        format_html(' class="{}"', name) if name else "", f"{x:.2f}", f"{y:g}", anchor,
        format_html(' dx="{}"', shift) if shift else "", words,
    )  # fmt: skip


def mark(x: float, y: float, path: str) -> SafeString:
    """Return a small shape of failures, drawn around the point."""
    return format_html(
        '<svg x="{}%" y="{}" overflow="visible"><path d="{}" class="dtp-s-error"/></svg>', f"{x:.2f}", f"{y:g}", path
    )


def plot(height: float, label: str, parts: Iterable[SafeString]) -> SafeString:
    """Return the drawing; one without a label is an ornament of what is said beside it."""
    role = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html('<svg class="plot" width="100%" height="{}" {}>{}</svg>', f"{height:g}", role, joined(parts))
