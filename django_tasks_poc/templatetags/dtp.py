"""Small drawings in our templates: an icon, a bar, how long something took."""

from __future__ import annotations

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ..models import Task
from ..progress.bar import segments
from ..texts import amount

register = template.Library()

#: What has a texture besides its colour.
_PATTERNS = ("error", "running", "waiting", "canceled")


@register.simple_tag
def icon(state: str) -> SafeString:
    """Draw the icon of a state, or ``timeout`` or ``killed``."""
    mark = '<svg class="dtp-icon dtp-{}" width="14" height="14" aria-hidden="true"><use href="#dtp-i-{}"></use></svg>'
    return format_html(mark, state, state)


@register.simple_tag
def took(share: float, state: str) -> SafeString:
    """Draw a bar of ``share`` percent."""
    mark = (
        '<svg class="dtp-took" width="100%" height="4" aria-hidden="true">'
        '<rect class="dtp-s-{}" width="{}%" height="4"/></svg>'
    )
    return format_html(mark, state, f"{share:.1f}")


@register.simple_tag
def slots_bar(share: float, words: str) -> SafeString:
    """Draw how many of the places for stages are taken, ``share`` percent of them."""
    mark = (
        '<svg class="dtp-bar" width="100%" height="6" role="img" aria-label="{}">'
        '<rect class="dtp-s-running" width="{}%" height="100%"/>'
        '<rect fill="url(#dtp-p-running)" width="{}%" height="100%"/></svg>'
    )
    return format_html(mark, words, f"{share:.1f}", f"{share:.1f}")


@register.simple_tag
def progress_bar(task: Task, height: int = 10) -> SafeString:
    """Draw the stages of a task by state, each in its colour and texture."""
    parts = []
    for segment in segments(task):
        fills = [format_html('class="dtp-s-{}"', segment.kind)]
        if segment.kind in _PATTERNS:
            fills.append(format_html('fill="url(#dtp-p-{})"', segment.kind))
        rect = '<rect {} x="{}" width="{}" height="100%"/>'
        parts += [format_html(rect, fill, segment.x, segment.width) for fill in fills]
        parts.append(format_html('<rect class="dtp-gap" x="{}" width="1" height="100%"/>', segment.x))
    label = ", ".join(f"{amount(count)} {word}" for _icon, count, word in _counts(task)) or _("no stages")
    bar = '<svg class="dtp-bar" width="100%" height="{}" role="img" aria-label="{}">{}</svg>'
    return format_html(bar, height, label, format_html_join("", "{}", ((part,) for part in parts)))


@register.simple_tag
def counts(task: Task) -> SafeString:
    """List the numbers behind the bar."""
    swatch = (
        '<li class="has-{}"><svg class="dtp-swatch" width="10" height="10" aria-hidden="true">'
        '<rect class="dtp-s-{}" width="10" height="10"/></svg><b>{}</b> {}</li>'
    )
    lines = [(icon, icon, amount(count), word) for icon, count, word in _counts(task)]
    return format_html('<ul class="dtp-counts">{}</ul>', format_html_join("", swatch, lines))


def _counts(task: Task) -> list[tuple[str, int, str]]:
    words = (
        ("success", task.success_count, _("succeeded")), ("skipped", task.skipped_count, _("skipped")),
        ("error", task.error_count, _("failed")), ("running", task.running_count, _("running")),
        ("waiting", task.waiting_count, _("waiting")), ("canceled", task.canceled_count, _("canceled")),
        ("ready", task.ready_count, _("left")),
    )  # fmt: skip
    return [word for word in words if word[1]]
