"""The rows of a timeline as SVG."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from ...texts import short_amount
from . import svg
from .axis import BINS, Axis
from .rows import Band, Bar, Row, Zone

#: Pixels: of a row and its bar, of a band and of the place above it for the marks of failures.
ROW, TOP, BAR = 26, 6, 14
TALL, LOW, MARKS = 62, 30, 9
#: A bar is seen even when it took no time; words in it need some room. Both in percent of the width.
_LEAST, _ROOM = 0.3, 7.0
#: Marks of failures that would lie on one another are one.
_APART = 1.4
_TRIANGLE = "M-4.5 0h9L0 8z"


def draw_axis(axis: Axis) -> SafeString:
    """Return the scale above the rows."""
    parts = [svg.text(0, 17, "0", shift=3)]
    for number, (second, words) in enumerate(axis.ticks()):
        is_near_now = axis.now is not None and abs(axis.percent(second) - axis.percent(axis.now)) < 9
        if not is_near_now:
            parts.append(svg.text(axis.percent(second), 17, words, "" if number % 2 else "opt", "middle"))
    if axis.now is not None:
        parts.append(
            format_html(
                '<svg x="{}%" overflow="visible"><rect x="-{}" y="5" width="{}" height="16" rx="3" class="dtp-nowtag"/>'
                '<text x="0" y="17" class="now" text-anchor="middle">{}</text></svg>',
                f"{axis.percent(axis.now):.2f}", *_tag(gettext("now")), gettext("now"),
            )
        )  # fmt: skip
    return svg.plot(ROW, "", parts)


def _tag(words: str) -> tuple[int, int]:
    half = 6 + len(words) * 10 // 3
    return half, half * 2


def draw_row(row: Row, axis: Axis, zones: Iterable[Zone]) -> SafeString:
    """Return the drawing of one row."""
    height = ROW if row.band is None else TALL if row.band.is_tall else LOW
    parts = list(_background(axis, zones, height))
    if row.band is not None:
        parts += _band(row.band, axis, height)
    parts += [svg.across(f"dtp-{line.kind.value}", axis.percent(line.start), axis.percent(line.end), TOP + BAR / 2)
              for line in row.lines]  # fmt: skip
    for bar in row.bars:
        parts += _bar(bar, axis)
    if axis.now is not None:
        parts.append(svg.down("dtp-now", axis.percent(axis.now), 0, height))
    return svg.plot(height, row.label, parts)


def _background(axis: Axis, zones: Iterable[Zone], height: int) -> Iterator[SafeString]:
    for zone in zones:
        left = axis.percent(zone.start)
        yield svg.box("dtp-pausezone", left, max(axis.percent(zone.end) - left, _LEAST), 0, height)
    for second, _ in axis.ticks():
        yield svg.down("dtp-grid", axis.percent(second), 0, height)


def _bar(bar: Bar, axis: Axis) -> Iterator[SafeString]:
    left = min(axis.percent(bar.start), 100 - _LEAST)
    width = max(axis.percent(bar.end) - left, _LEAST)
    yield svg.solid(bar.state, left, width, TOP, BAR, radius=2)
    if bar.word and width > _ROOM:
        yield format_html(
            '<svg class="opt" x="{}%" y="0" width="{}%" height="{}"><rect class="dtp-s-{}" x="3" y="7" width="{}" '
            'height="12"/><text class="on" x="6" y="17">{}</text></svg>',
            f"{left:.2f}", f"{width:.2f}", ROW, bar.state.lower(), 6 + len(bar.word) * 6, bar.word,
        )  # fmt: skip


def _band(band: Band, axis: Axis, height: int) -> Iterator[SafeString]:
    bottom, room = height - 4, height - 4 - MARKS
    if band.peak > 0:
        heights = [0.0] * BINS
        for state, values in band.layers:
            for first, last, value in _runs(values):
                above = heights[first]
                if any(heights[number] != above for number in range(first, last)):
                    pieces = [(number, number + 1) for number in range(first, last)]
                else:
                    pieces = [(first, last)]
                for left, right in pieces:
                    tall, start = value / band.peak * room, left * 100 / BINS
                    end = min(right * 100 / BINS + 0.03, axis.percent(axis.end))
                    yield svg.solid(state, start, max(end - start, 0.0), bottom - heights[left] - tall, tall)
            for number, value in enumerate(values):
                heights[number] += value / band.peak * room
        if band.is_tall:
            yield svg.text(0, MARKS + 9, short_amount(round(band.peak, 1)), "halo", shift=3)
            yield svg.text(0, bottom, "0", "halo", shift=3)
    previous = -_APART
    for place in sorted(map(axis.percent, band.failures)):
        if place - previous >= _APART:
            yield svg.mark(place, 0.5, _TRIANGLE)
            previous = place


def _runs(values: Iterable[float]) -> Iterator[tuple[int, int, float]]:
    """Yield neighbours of one value as one piece: first, behind the last, value."""
    first, value = 0, 0.0
    number = 0
    for number, other in enumerate([*values, -1.0]):
        if other != value:
            if value > 0:
                yield first, number, value
            first, value = number, other
