"""What the tests of commands share."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command


class Said(io.StringIO):
    """What a command writes, and whether that is a terminal."""

    def __init__(self, is_terminal: bool = False) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.fixture
def say() -> Callable[..., str]:
    """Run a command; return what it wrote, and its exit code in the last line if not 0."""

    def run(command: str, *arguments: Any, **options: Any) -> str:
        said = Said()
        code: Any = 0
        try:
            call_command(command, *map(str, arguments), stdout=said, **options)
        except SystemExit as exit:
            code = exit.code
        text = said.getvalue()
        return f"{text}exit {code}\n" if code else text

    return run
