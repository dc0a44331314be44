"""The end of a process that a handler forked and that came out of the handler's code."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from typing import NoReturn


def end_fork() -> NoReturn:
    """End this process as Python would: with the code of the SystemExit under way, 1 for another exception, else 0."""
    error, code = sys.exception(), 0
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        code = (error.code or 0) & 0xFF
    elif error is not None:
        code = 1
        traceback.print_exception(error)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    # Nothing is unwound: it would roll back, or commit, on the connection of the parent.
    os._exit(code)
