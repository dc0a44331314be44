"""Ages on the command line: 5d, 12h, 30m, 90s, or plain seconds."""

from __future__ import annotations

import argparse
import re

from ..words import MOST_SECONDS, short

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1, "": 1}
_AGE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([dhms]?)")


def as_seconds(text: str) -> float:
    """Read an argument that is an age; return it in seconds, from 0 to ten years."""
    found = _AGE.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{short(text)} is no age; give one like 5d, 12h, 30m, 90s, or plain seconds.")
    seconds = float(found[1]) * _UNITS[found[2]]
    if seconds > MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"{short(text)} is more than ten years.")
    return seconds
