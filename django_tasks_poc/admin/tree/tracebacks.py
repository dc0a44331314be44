"""A traceback as it is read: the frames of the project in sight, those of libraries folded."""

from __future__ import annotations

import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from ...texts import visible

#: Frames of the project in a row that are all shown; of more the first and the last ones are.
_MOST, _FIRST, _LAST = 24, 4, 16

_FRAME = re.compile(r'^  File "(?P<file>.*?)", line (?P<line>\d+)(?:, in (?P<name>.*))?$')
_PACKAGE = str(Path(__file__).resolve().parents[2])


@dataclass(frozen=True)
class Fold:
    """Some lines; ``libraries`` names where they come from if they are folded."""

    text: str
    count: int = 0
    libraries: str = ""
    is_error: bool = False
    is_frames: bool = False


@dataclass(frozen=True)
class _Frame:
    text: str
    library: str


def fold(traceback: str) -> list[Fold]:
    """Return the traceback in pieces, to be shown one below the other."""
    folds: list[Fold] = []
    if not traceback.strip():
        return folds
    for is_frame, pieces in groupby(_pieces(traceback.rstrip("\n")), lambda piece: isinstance(piece, _Frame)):
        if not is_frame:
            folds += _words("\n".join(str(piece) for piece in pieces), is_first=not folds)
            continue
        frames = [piece for piece in pieces if isinstance(piece, _Frame)]
        for is_library, run in groupby(frames, lambda frame: bool(frame.library)):
            group = list(run)
            folds += _folded(group) if is_library else _shortened(group)
    return folds


def _words(text: str, *, is_first: bool) -> list[Fold]:
    """Return what is between frames: the words of an exception, and of how the next one came of it."""
    if is_first:
        return [Fold(visible(text))]
    error, gap, rest = text.partition("\n\n")
    return [Fold(visible(error), is_error=True)] + ([Fold(visible(f"\n{rest}"))] if gap else [])


def _folded(frames: list[_Frame]) -> list[Fold]:
    names = list(dict.fromkeys(frame.library for frame in frames))
    words = ", ".join(names[:3]) + ("…" if len(names) > 3 else "")
    return [Fold(_text(frames), len(frames), visible(words))]


def _shortened(frames: list[_Frame]) -> list[Fold]:
    if len(frames) <= _MOST:
        return [Fold(_text(frames), is_frames=True)]
    middle = frames[_FIRST:-_LAST]
    first, last = _text(frames[:_FIRST]), _text(frames[-_LAST:])
    return [Fold(first, is_frames=True), Fold(_text(middle), len(middle)), Fold(last, is_frames=True)]


def _text(frames: list[_Frame]) -> str:
    return visible("\n".join(frame.text for frame in frames))


def _pieces(traceback: str) -> Iterator[_Frame | str]:
    """Yield frames, each with the lines of code below it, and all other lines."""
    frame: list[str] = []
    file = ""
    for line in traceback.split("\n"):
        if (found := _FRAME.match(line)) is not None:
            if frame:
                yield _Frame("\n".join(frame), _library(file))
            file = found["file"]
            name = f", in {found['name']}" if found["name"] else ""
            frame = [f'  File "{relative(file)}", line {found["line"]}{name}']
        elif frame and line.startswith(("    ", "  [")):
            frame.append(line)
        else:
            if frame:
                yield _Frame("\n".join(frame), _library(file))
                frame = []
            yield line
    if frame:
        yield _Frame("\n".join(frame), _library(file))


def _library(file: str) -> str:
    """Return the name of the library that a file is of; none for the project's own."""
    for folder in ("site-packages", "dist-packages"):
        if (inside := file.partition(f"/{folder}/")[2]) and not file.startswith("<"):
            return _name(inside)
    if file.startswith(f"{_PACKAGE}/"):
        return "django_tasks_poc"
    for root in _standard():
        if file.startswith(root):
            return _name(file.removeprefix(root))
    return "Python" if file.startswith("<frozen ") else ""


def _name(inside: str) -> str:
    """Return the first two steps of a path: ``django/db``."""
    return "/".join(inside.split("/")[:-1][:2]) or inside.removesuffix(".py")


@lru_cache(maxsize=1)
def _standard() -> tuple[str, ...]:
    """Return the folders of Python's own library, each with a slash behind it."""
    return tuple({f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib")})


def relative(file: str) -> str:
    """Return a path from the folder on which Python found it; one that is on none as it is."""
    for root in sorted((path for path in sys.path if path), key=len, reverse=True):
        if file.startswith(f"{root.rstrip('/')}/"):
            return file[len(root.rstrip("/")) + 1 :]
    return file
