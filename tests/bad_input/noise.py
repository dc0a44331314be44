"""A stage for each way to print too much, and what it prints last."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from typing import Any

from django_tasks_poc import TaskHandlerBase

MEGABYTE = 1 << 20
#: Bytes that are kept.
TAIL = 8192
END = "the end"


class Prints(TaskHandlerBase):
    """Prints, and fails if its prints are to be kept."""

    def __init__(self, what: str, to: str = "stdout", fails: bool = True) -> None:
        self.what, self.to, self.fails = what, to, fails

    def handle(self, context: Any) -> Any:
        stream = getattr(sys, self.to)
        match self.what:
            case "lines":
                for number in range(MEGABYTE // 8):
                    print(f"{number:07}", file=stream)
            case "one line":
                stream.write("x" * MEGABYTE)
            case "characters of three bytes":
                stream.write("€" * MEGABYTE)
            case "bytes":
                stream.buffer.write(bytes(range(256)) * 32)
            case "half a pair":
                print("\ud800", file=stream)
            case "descriptor":
                left = MEGABYTE
                while left:
                    left -= os.write(stream.fileno(), b"y" * left)
            case "program":
                code = f"import sys; sys.{self.to}.write('z' * {MEGABYTE})"
                subprocess.run([sys.executable, "-c", code], check=True)
            case "frames":
                # What the result looks like on its own way.
                stream.write('\0\0\0\x10{"kind":"report"}' * 1000)
            case "log":
                for _ in range(10_000):
                    logging.getLogger("demo_project").warning("w" * 100)
        print(END, file=stream)
        if self.fails:
            raise ValueError("as it must")
        return self.success("printed", os.getpid())


class Speaks(TaskHandlerBase):
    """Prints one line on each stream, and fails, so that it is kept."""

    def handle(self, context: Any) -> Any:
        print("mine")
        print("mine too", file=sys.stderr)
        raise ValueError("as it must")
