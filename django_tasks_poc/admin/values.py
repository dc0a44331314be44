"""Stored JSON as it may be shown: indented, secrets masked, cut."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import msgspec
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..masking import indented, masked_json, masked_text, substitute
from ..texts import one_line, visible
from .texts import size

LIMIT = 64 * 1024


@dataclass(frozen=True)
class Shown:
    """A text and what is to be known about it; false when there is neither."""

    text: str = ""
    note: str = ""
    #: Whether there is more of it, to be had by a download.
    is_cut: bool = False

    def __bool__(self) -> bool:
        return bool(self.text or self.note)

    @property
    def is_long(self) -> bool:
        """Whether it takes more of a page than a reader may want to give it."""
        return len(self.text) > 1_200 or self.text.count("\n") > 14

    @property
    def is_short(self) -> bool:
        """Whether it fits on a line."""
        return len(self.text) <= 100 and "\n" not in self.text

    @property
    def summary(self) -> str:
        """Say how much there is."""
        lines = self.text.count("\n") + 1
        return ngettext("%s line", "%s lines", lines) % f"{lines:,}"

    def html(self) -> SafeString:
        """Return the text with its keys, strings and numbers marked."""
        return format_html_join("", "{}", ((_marked(found),) for found in _TOKENS.finditer(self.text)))


def show_json(text: str, limit: int = LIMIT) -> Shown:
    """Return JSON text for a page, at most ``limit`` bytes of it; text that is no JSON is shown as it is."""
    if not text:
        return Shown()
    notes = []
    plain, is_json = masked(text, limit)
    if not is_json:
        notes.append(_("This cannot be read as JSON; here is the text as it is stored."))
    raw = plain.encode("utf-8", "replace")
    if is_cut := len(raw) > limit:
        plain = raw[:limit].decode("utf-8", "ignore")
        whole = size(len(text.encode("utf-8", "replace")))
        notes.append(_("Showing the first %(limit)s of %(whole)s.") % {"limit": size(limit), "whole": whole})
    return Shown(visible(plain), " ".join(notes), is_cut)


def masked(text: str, limit: int | None = None) -> tuple[str, bool]:
    """Return stored JSON indented, with its secrets masked, and whether it was JSON at all.

    Of a long one, it is a little more than ``limit`` characters.
    """
    try:
        value = masked_json(text)
        one_line_text = json.dumps(value, ensure_ascii=False)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return masked_text(text), False
    return (one_line_text if len(one_line_text) <= 100 else indented(value, limit)), True


#: A key with its colon, a string, a number or a word, and all between them.
_TOKENS = re.compile(
    r"""(?P<key>"(?:[^"\\]|\\.)*"(?=\s*:))|(?P<string>"(?:[^"\\]|\\.)*"?)|(?P<number>-?\d[\d.eE+-]*)|[^"\d-]+|.""",
    re.DOTALL,
)
_CLASSES = {"key": "k", "string": "s", "number": "n"}


def _marked(found: re.Match[str]) -> SafeString | str:
    if found.lastgroup is None:
        return found[0]
    return format_html('<span class="{}">{}</span>', _CLASSES[found.lastgroup], found[0])


def one_line_of(text: str, limit: int) -> str:
    """Return stored params on one line, secrets masked; nothing for those of more than ``limit`` characters."""
    if len(text) > limit:
        return ""
    try:
        params = masked_json(text)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return ""
    if not isinstance(params, dict) or not params:
        return ""
    hidden = substitute()
    words = {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in params.items()
        if value != hidden
    }
    if not words:
        return ""
    if len(words) == 1:
        return one_line(next(iter(words.values())), 80)
    return one_line(", ".join(f"{name} {value}" for name, value in words.items()), 120)
