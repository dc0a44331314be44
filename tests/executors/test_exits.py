"""Processes that end without an answer, or say what is none."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from .recorder import Kind, executor, play

#: It knows of no database.
pytestmark = pytest.mark.anywhere


@pytest.mark.parametrize(
    ("handler", "params", "code", "signum", "words"),
    [
        ("os_exit", 0, 0, None, ""),
        ("os_exit", 3, 3, None, ""),
        ("exit_code", None, 0, None, ""),
        ("exit_code", 5, 5, None, ""),
        ("exit_code", "a reason", 1, None, "a reason\n"),
        ("raise_base", None, 1, None, "Base: basic"),
        ("kill_self", 9, None, 9, "farewell\n"),
        ("kill_self", 15, None, 15, "farewell\n"),
    ],
)
def test_no_answer_is_a_crash(
    kind: Kind, handler: str, params: Any, code: int | None, signum: int | None, words: str
) -> None:
    async def scenario() -> None:
        async with executor(kind) as recorder:
            end = await recorder.run(handler, params)
            assert end.report is None
            assert end.exit is not None
            assert (end.exit.code, end.exit.signal) == (code, signum)
            assert words in end.exit.stderr
            assert (await recorder.run("echo", 1)).response == 1

    play(scenario)


def test_segfault_names_its_place(kind: Kind) -> None:
    async def scenario() -> None:
        async with executor(kind) as recorder:
            exit = (await recorder.run("segfault")).exit
            assert exit is not None
            assert exit.signal == signal.SIGSEGV
            assert "in segfault" in exit.stderr

    play(scenario)


def test_garbage_on_the_socket_is_a_crash(kind: Kind) -> None:
    async def scenario() -> None:
        async with executor(kind) as recorder:
            end = await recorder.run("garbage")
            assert end.report is None
            assert end.exit is not None
            assert end.exit.signal == signal.SIGKILL
            assert "no message" in end.exit.stderr
            assert (await recorder.run("echo", 1)).response == 1

    play(scenario)
