"""Stages that somebody ends."""

from __future__ import annotations

import asyncio
import signal

import pytest

from .recorder import Kind, executor, is_alive, play, request

#: It knows of no database.
pytestmark = pytest.mark.anywhere


def test_terminate_and_kill(kind: Kind) -> None:
    async def scenario() -> None:
        async with executor(kind, slots=3) as recorder:
            sleeper, stubborn, polite = recorder.submit(
                request("sleep"), request("ignore_sigterm"), request("answer_term")
            )
            for token in (sleeper, stubborn, polite):
                await recorder.begun(token)
                recorder.executor.terminate(token)
            end = await recorder.end(sleeper)
            assert end.report is None
            assert end.exit is not None
            assert end.exit.signal == signal.SIGTERM
            assert (await recorder.end(polite)).response == "terminated"
            assert not recorder.ends[stubborn].is_over
            recorder.executor.kill(stubborn)
            exit = (await recorder.end(stubborn)).exit
            assert exit is not None
            assert exit.signal == signal.SIGKILL
            for token in (sleeper, stubborn, polite):
                recorder.executor.terminate(token)
                recorder.executor.kill(token)
            assert (await recorder.run("echo", 1)).response == 1

    play(scenario)


def test_a_stage_inside_one_long_call_of_c_is_killed(kind: Kind) -> None:
    async def scenario() -> None:
        async with executor(kind, slots=2) as recorder:
            tokens = recorder.submit(request("in_c", "others run"), request("in_c", "none runs"))
            for token in tokens:
                await recorder.begun(token)
                recorder.executor.terminate(token)
            await asyncio.sleep(0.1)  # it is to have no effect
            assert not any(recorder.ends[token].is_over for token in tokens)
            for token in tokens:
                recorder.executor.kill(token)
                exit = (await recorder.end(token)).exit
                assert exit is not None
                assert exit.signal == signal.SIGKILL
            assert (await recorder.run("echo", 1)).response == 1

    play(scenario)


def test_killed_before_it_starts(kind: Kind) -> None:
    async def scenario() -> None:
        async with executor(kind) as recorder:
            (token,) = recorder.submit(request("sleep"))
            recorder.executor.kill(token)
            end = await recorder.end(token)
            assert end.report is None
            # The child may have been quicker.
            assert end.lost is not None or end.starts
            assert (await recorder.run("echo", 1)).response == 1

    play(scenario)


def test_stop_loses_what_runs_and_what_waits(kind: Kind) -> None:
    async def scenario() -> None:
        async with executor(kind, slots=1) as recorder:
            tokens = recorder.submit(*(request("ignore_sigterm") for _ in range(3)))
            await recorder.begun(tokens[0])
            await recorder.executor.stop()
            ends = [recorder.ends[token] for token in tokens]
            assert [end.was_started for end in ends] == [True, False, False]
            assert all(end.lost for end in ends)
            assert not is_alive(ends[0].pid)
            assert recorder.executor.free == 0

    play(scenario)
