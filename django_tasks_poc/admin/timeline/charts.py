"""The charts of a task, as SVG with a caption and the same numbers as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log

from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from ...states import State
from ...texts import amount, duration, measure, one_line, short_amount
from .. import texts
from . import svg
from .durations import Durations
from .memory import Memory
from .rate import Rate
from .rows import Zone

#: Pixels: heights of the charts, and of what lies above and below their bars.
RATE, HISTOGRAM, LANE = 150, 190, 44
_FOOT = 22
_MIB = 1024.0**2


@dataclass(frozen=True)
class Chart:
    """A drawing, and a table that says the same; an empty one has neither, and words in their place."""

    key: str
    title: str
    note: str
    drawing: SafeString
    heads: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    is_wide: bool = False

    @classmethod
    def empty(cls, key: str, title: str) -> Chart:
        """Return a chart of nothing yet."""
        return cls(key, title, gettext("nothing was measured yet"), SafeString(""), (), ())


def rate_chart(rate: Rate, zones: Iterable[Zone]) -> Chart:
    """Return the chart of stages finished per second."""
    axis, step, mean = rate.axis, _short(rate.width), short_amount(rate.mean)
    if axis.now is None:
        note = gettext("%(mean)s on average; steps of %(step)s") % {"mean": mean, "step": step}
    else:
        words = gettext("%(latest)s now, %(mean)s on average; steps of %(step)s")
        note = words % {"latest": short_amount(rate.latest), "mean": mean, "step": step}
    label = ngettext(
        "Stages finished per second: %(count)s stage in all, %(note)s",
        "Stages finished per second: %(count)s stages in all, %(note)s", rate.total,
    ) % {"count": amount(rate.total), "note": note}  # fmt: skip
    both = [good + bad for good, bad in zip(rate.succeeded, rate.failed, strict=True)]
    lines = tuple(
        (axis.clock(number * rate.width), short_amount(good), short_amount(bad))
        for number, (good, bad) in enumerate(zip(rate.succeeded, rate.failed, strict=True))
        if good or bad
    )
    return Chart(
        "rate", gettext("Stages finished per second"), note,
        svg.plot(RATE, label, _rate_parts(rate, max(both, default=0.0), zones)),
        (gettext("From"), gettext("Succeeded per second"), gettext("Failed per second")), lines, is_wide=True,
    )  # fmt: skip


def _rate_parts(rate: Rate, most: float, zones: Iterable[Zone]) -> Iterator[SafeString]:
    scale = _scale(most or 1)
    axis, top, bottom, left, right = rate.axis, 14, RATE - _FOOT, _margin(scale) * 0.6, 99.5

    def x(second: float) -> float:
        return left + axis.percent(second) / 100 * (right - left)

    for zone in zones:
        yield svg.box("dtp-pausezone", x(zone.start), max(0.3, x(zone.end) - x(zone.start)), top, bottom - top)
    yield from _levels(scale, top, bottom, left, right)
    full, gap = x(rate.width) - left, 0.15
    for number, (good, bad) in enumerate(zip(rate.succeeded, rate.failed, strict=True)):
        yield from _column(good, bad, scale[-1], top, bottom, left + number * full + gap, full - 2 * gap)
    for place, anchor in ((0.0, "start"), (axis.span / 2, "middle"), (axis.span, "end")):
        yield svg.text(x(place), RATE - 6, axis.clock(place), anchor=anchor)
    for place in (axis.span / 4, axis.span * 3 / 4):
        yield svg.text(x(place), RATE - 6, axis.clock(place), "opt", "middle")
    for zone in zones:
        if zone.by and x(zone.end) - x(zone.start) > 3:
            words = gettext("paused by %(user)s") % {"user": one_line(zone.by, 20)}
            yield svg.text((x(zone.start) + x(zone.end)) / 2, top + 22, words, "halo", "middle")
    if axis.now is not None:
        yield svg.down("dtp-now", x(axis.now), top, bottom)


def durations_chart(data: Durations) -> Chart:
    """Return the histogram of durations."""
    median, p95 = _short(data.median), _short(data.p95)
    words = {"count": amount(data.total), "title": one_line(data.title, 40), "median": median, "p95": p95}
    note = ngettext(
        "%(count)s finished stage of %(title)s", "%(count)s finished stages of %(title)s", data.total
    ) % words  # fmt: skip
    note += _sample(data.nth)
    label = ngettext(
        "How long %(count)s finished stage of %(title)s took: median %(median)s, 95 of 100 up to %(p95)s",
        "How long %(count)s finished stages of %(title)s took: median %(median)s, 95 of 100 up to %(p95)s", data.total,
    ) % words  # fmt: skip
    lines = [
        (f"{_short(number * data.width)} – {_short((number + 1) * data.width)}", amount(good), amount(bad))
        for number, (good, bad) in enumerate(zip(data.succeeded, data.failed, strict=True))
        if good or bad
    ]
    if any(data.longer):
        lines.append((_longer(data), amount(data.longer[0]), amount(data.longer[1])))
    return Chart(
        "durations", gettext("How long a stage takes"), note,
        svg.plot(HISTOGRAM, label, _duration_parts(data, median, p95)),
        (gettext("Took"), gettext("Succeeded"), gettext("Failed")), tuple(lines),
    )  # fmt: skip


def _duration_parts(data: Durations, median: str, p95: str) -> Iterator[SafeString]:
    bars = [*zip(data.succeeded, data.failed, strict=True)]
    scale = _scale(max(good + bad for good, bad in [*bars, data.longer]), is_whole=True)
    top, bottom, left, right = 34, HISTOGRAM - 24, _margin(scale), 99.0
    # Behind the last bar: a gap, and one for what is longer.
    full = (right - left) / (len(bars) + (3.5 if any(data.longer) else 0))

    def x(second: float) -> float:
        return left + second / data.width * full

    yield from _levels(scale, top, bottom, left, right)
    for number, (good, bad) in enumerate(bars):
        yield from _column(good, bad, scale[-1], top, bottom, left + full * (number + 0.08), full * 0.84)
    if any(data.longer):
        place = left + full * (len(bars) + 1.5)
        yield from _column(*data.longer, scale[-1], top, bottom, place - full * 0.1, full * 1.6)
        yield svg.text(right, HISTOGRAM - 8, _longer(data), anchor="end")
    ticks = 13 if any(data.longer) else len(bars)
    for number in range(0, ticks + 8, 4):
        if number < len(bars) - (3 if any(data.longer) else 0):
            words = _short(number * data.width) if number else "0"
            yield svg.text(x(number * data.width), HISTOGRAM - 8, words, "" if number % 8 == 0 else "opt", "middle")
    yield from _marks(x(min(data.median, data.limit)), x(min(data.p95, data.limit)), median, p95, top, bottom)


def _marks(median: float, p95: float, median_words: str, p95_words: str, top: int, bottom: int) -> Iterator[SafeString]:
    """Yield the two marks; words that would meet stand at the outer sides of their lines."""
    sides = ("middle", "end" if p95 > 82 else "middle")
    if p95 - median < 34:
        sides = ("end" if median > 34 else "start", "end" if p95 > 82 else "start")
    words = gettext("median %(time)s") % {"time": median_words}
    yield svg.down("dtp-mark", median, top - 12, bottom)
    yield svg.text(median, top - 18, words, "strong", sides[0], shift={"start": 4, "middle": 0, "end": -4}[sides[0]])
    yield svg.down("dtp-mark p95", p95, top - 12, bottom)
    # Where both stand on the same side of their lines, the second is a line lower.
    is_lower = sides[0] == sides[1] != "middle"
    shift = {"start": 4, "middle": 0, "end": -4}[sides[1]]
    yield svg.text(p95, top - 18 + 14 * is_lower, f"p95 {p95_words}", "strong", sides[1], shift=shift)


def memory_chart(data: Sequence[Memory]) -> Chart:
    """Return the memory of each handler's stages."""
    worst = max(data, key=lambda line: line.peak)
    label = gettext("Largest memory of a stage by handler; the most: %(size)s, %(handler)s, stage %(number)s") % {
        "size": texts.size(worst.peak), "handler": one_line(worst.handler, 40), "number": amount(worst.order + 1),
    }  # fmt: skip
    lines = tuple(
        (one_line(line.handler, 60), amount(line.count), *map(texts.size, (line.median, line.p95, line.peak)),
         amount(line.order + 1))
        for line in data
    )  # fmt: skip
    heads = (gettext("Handler"), gettext("Stages"), gettext("Median"), gettext("95th percentile"), gettext("Largest"),
             gettext("Of stage"))  # fmt: skip
    height = 10 + LANE * len(data) + 30
    return Chart(
        "memory", gettext("Largest memory of a stage"),
        gettext("bar: up to p95; line: median; logarithmic") + _sample(worst.nth),
        svg.plot(height, label, _memory_parts(data, height)), heads, lines,
    )  # fmt: skip


def _memory_parts(data: Sequence[Memory], height: int) -> Iterator[SafeString]:
    left, right = 24.0, 94.0
    ticks = _sizes(min(line.least for line in data), max(line.peak for line in data))

    def x(size: float) -> float:
        return left + log(size / ticks[0]) / log(ticks[-1] / ticks[0]) * (right - left)

    for number, size in enumerate(ticks):
        yield svg.down("dtp-grid", x(size), 10, height - 26)
        yield svg.text(x(size), height - 8, texts.size(size), "" if number % 2 == 0 else "opt", "middle")
    for number, line in enumerate(data):
        y = 30 + number * LANE
        yield svg.text(0, y + 4, one_line(line.handler, 16), "strong")
        least, median, p95, peak = x(line.least), x(line.median), x(line.p95), x(line.peak)
        yield svg.across("dtp-axisline", least, peak, y)
        if p95 > least:
            yield svg.box("dtp-box", least, p95 - least, y - 6, 12)
        yield svg.down("dtp-mark", median, y - 8, y + 8)
        yield svg.text(max(median, left + 3), y + 20, texts.size(line.median), anchor="middle")
        if line.peak > line.median * 2:
            words = gettext("%(size)s, stage %(number)s") % {
                "size": texts.size(line.peak), "number": amount(line.order + 1)
            }  # fmt: skip
            yield svg.down("dtp-peak", peak, y - 5, y + 5)
            yield svg.text(peak, y - 11, words, "strong", "end" if peak > 60 else "start")


def _sizes(least: float, most: float) -> list[float]:
    """Return three to five sizes, each four times the one before, around both."""
    sizes = [_MIB]
    while sizes[0] * 4 <= least:
        sizes[0] *= 4
    while sizes[-1] < most or len(sizes) < 3:
        sizes.append(sizes[-1] * 4)
    return sizes


def _sample(nth: int) -> str:
    """Return what follows a caption when not all stages were looked at."""
    return "" if nth == 1 else "; " + gettext("a sample, one stage in %(count)s") % {"count": nth}


def _column(
    good: float, bad: float, most: float, top: float, bottom: float, left: float, width: float
) -> Iterator[SafeString]:
    """Yield a bar of what succeeded on top of what failed."""
    room = bottom - top
    if bad:
        yield svg.solid(State.ERROR, left, width, bottom - bad / most * room, bad / most * room)
    if good:
        yield svg.solid(State.SUCCESS, left, width, bottom - (good + bad) / most * room, good / most * room)


def _levels(scale: Sequence[float], top: float, bottom: float, left: float, right: float) -> Iterator[SafeString]:
    for value in scale:
        y = bottom - value / scale[-1] * (bottom - top)
        yield svg.across("dtp-grid" if value else "dtp-axisline", left, right, round(y))
        yield svg.text(left - 1, round(y) + 4, short_amount(value), anchor="end")


def _scale(most: float, *, is_whole: bool = False) -> list[float]:
    """Return 0 and two to four round values above it, the last not below ``most``."""
    power = 1.0 if is_whole else 0.001
    while True:
        for digit in (1, 2, 5):
            if (step := power * digit) * 4 >= most:
                count = max(2, int(-(-most // step)))
                return [step * number for number in range(count + 1)]
        power *= 10


def _margin(scale: Sequence[float]) -> float:
    """Return the percent of a narrow chart that the words of its scale take."""
    return 3.5 + 2.1 * max(len(short_amount(value)) for value in scale)


def _short(seconds: float) -> str:
    if seconds < 1:
        return measure("ms", short_amount(seconds * 1000))
    return measure("s", short_amount(seconds)) if seconds < 60 else duration(seconds)


def _longer(data: Durations) -> str:
    return f"> {_short(data.limit)}"
