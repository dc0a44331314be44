"""Small pieces of HTML: a state, a moment, foreign text."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from ..states import State
from ..texts import about, one_line


def badge(state: str) -> SafeString:
    """Return the state of a stage as a coloured word behind its icon, which the sprite of the page has."""
    known = State(state) if state in State.values else None
    name = state.lower() if known else "ready"
    mark = (
        '<span class="dtp-badge dtp-{}"><svg class="dtp-icon dtp-{}" width="14" height="14" aria-hidden="true">'
        '<use href="#dtp-i-{}"></use></svg>{}</span>'
    )
    return format_html(mark, name, name, name, known.label if known else state)


def task_badge(state: str) -> SafeString:
    """Return the state of a task; one that waits for its nested task runs, as a person sees it."""
    return badge(State.RUNNING if state == State.WAITING else state)


def ago(moment: datetime | None) -> SafeString | str:
    """Return how long ago a moment was, with the exact time on hover."""
    if moment is None:
        return "–"
    return _time(moment, gettext("%(age)s ago") % {"age": about((timezone.now() - moment).total_seconds())})


def exact(moment: datetime | None) -> SafeString | str:
    """Return the exact time of a moment."""
    return "–" if moment is None else _time(moment, "")


def _time(moment: datetime, words: str) -> SafeString:
    local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    clock = f"{local:%Y-%m-%d %H:%M:%S %Z}".strip()
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), clock, words or clock)


def line(text: str, limit: int = 120) -> SafeString | str:
    """Return foreign text on one line; its own direction of writing stays its own."""
    return format_html('<bdi dir="auto">{}</bdi>', one_line(text, limit)) if text else "–"
