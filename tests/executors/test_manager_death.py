"""The death of the manager."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from django_tasks_poc.executors import process

from .recorder import COLD, PATIENCE, Kind, is_alive, play

#: It knows of no database.
pytestmark = pytest.mark.anywhere


MANAGER = """
import asyncio, sys
sys.path.insert(0, {root!r})
from tests.executors.recorder import COMMAND, Recorder, make_executor, request

async def main():
    recorder = Recorder()
    recorder.executor = make_executor(
        {name!r}, recorder, slots=4, command=COMMAND, max_stages_per_process={max_stages}, mark={mark!r})
    await recorder.executor.start()
    stages = request("ignore_sigterm"), request("in_c", "others run"), request("in_c", "none runs")
    *stubborn, left = recorder.submit(*stages, request("grandchild_stays"))
    for token in (*stubborn, left):
        await recorder.begun(token)
    done = next(one.done for one in recorder.progress if one.token == left)
    print(*[recorder.ends[token].pid for token in (*stubborn, left)], int(done), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_nothing_outlives_a_killed_manager(kind: Kind) -> None:
    async def scenario() -> None:
        process.adopt_orphans()
        mark = uuid4().hex
        root = str(Path(__file__).resolve().parents[2])
        code = MANAGER.format(root=root, name=kind[0], max_stages=kind[1], mark=mark)
        manager = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, cwd=root
        )
        assert manager.stdout is not None
        async with asyncio.timeout(PATIENCE):
            pids = [int(text) for text in (await manager.stdout.readline()).split()]
            assert all(map(is_alive, pids))
            manager.kill()
            await manager.wait()
            if kind is COLD:
                # What a cold stage has started holds no lock and got no signal: whoever rescues the stage kills it.
                await gone(pids[:-1])
                assert is_alive(pids[-1])
                process.kill_marked(mark)
            await gone(pids)

    play(scenario)


async def gone(pids: list[int]) -> None:
    """Wait until the processes are gone, as the parent that they fell to."""
    while any(map(is_alive, pids)):
        for pid in set(process.children()) & set(pids):
            os.waitpid(pid, os.WNOHANG)
        await asyncio.sleep(0.01)
