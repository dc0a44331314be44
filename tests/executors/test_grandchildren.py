"""Processes that stages start."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from .recorder import COLD, Kind, executor, is_alive, play

#: It knows of no database.
pytestmark = pytest.mark.anywhere


@pytest.mark.parametrize("way", ["fork", "popen", "session", "daemon"])
def test_no_grandchild_outlives_its_stage(kind: Kind, way: str) -> None:
    async def scenario() -> None:
        async with executor(kind) as recorder:
            end = await recorder.run("grandchild", way)
            if kind is COLD and way == "session":
                # Started with an empty environment into a session of its own, it has nothing to be known by.
                os.kill(end.response, signal.SIGKILL)
                os.waitpid(end.response, 0)
            assert not is_alive(end.response)
            assert not recorder.progress

    play(scenario)


@pytest.mark.parametrize("with_exit", [False, True])
def test_only_the_stage_speaks_for_itself(kind: Kind, with_exit: bool) -> None:
    async def scenario() -> None:
        async with executor(kind) as recorder:
            end = await recorder.run("fork_returns", with_exit)
            assert end.response == end.pid
            assert (await recorder.run("fork_checkpoints")).response is True
            assert not recorder.cursors

    play(scenario)


def test_lock_is_inherited_but_not_by_other_programs(kind: Kind, tmp_path: Path) -> None:
    async def scenario() -> None:
        fd = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
        try:
            async with executor(kind, inherit_fds=(fd,)) as recorder:
                state = (await recorder.run("inherited", fd)).response
                assert state == {"here": os.fstat(fd).st_ino, "there": False}
        finally:
            os.close(fd)

    play(scenario)
