"""Requests that are sent to a child before it is through with its stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from django_tasks_poc.executors.slots import AHEAD
from django_tasks_poc.messages import Request

from .recorder import COLD, FORKED, REUSED, Kind, executor, play, request

#: It knows of no database.
pytestmark = pytest.mark.anywhere


def test_requests_sent_ahead_survive_the_child() -> None:
    async def scenario() -> None:
        async with executor(REUSED, slots=1) as recorder:
            for _ in range(20):
                dying, ahead = recorder.submit(request("kill_self", 9), request("pid"))
                assert (await recorder.end(dying)).report is None
                end = await recorder.end(ahead)
                assert end.response == end.pid
                assert end.starts == 1

    play(scenario)


def test_nothing_waits_behind_a_long_stage(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with executor(REUSED, slots=2) as recorder:
            gates = [str(tmp_path / name) for name in "ab"]
            long = recorder.submit(*(request("wait_for_file", gate) for gate in gates))
            short = recorder.submit(request("pid"), request("pid"))
            Path(gates[0]).touch()
            # Whichever slot they were sent ahead to, the one that is free runs both.
            for token in short:
                assert (await recorder.end(token)).report
            assert not recorder.ends[long[1]].is_over
            Path(gates[1]).touch()
            await recorder.end(long[1])

    play(scenario)


def test_stage_sent_ahead_can_be_killed_alone() -> None:
    async def scenario() -> None:
        async with executor(REUSED, slots=1) as recorder:
            first, second = recorder.submit(request("answer_term"), request("sleep"))
            await recorder.begun(first)
            recorder.executor.kill(second)
            end = await recorder.end(second)
            assert end.lost
            assert not end.was_started
            recorder.executor.terminate(first)
            assert (await recorder.end(first)).response == "terminated"

    play(scenario)


def test_stage_sent_ahead_can_be_withdrawn(tmp_path: Path) -> None:
    """Given quick stages, so that more are sent ahead, when one that waits is withdrawn, then the others go on."""

    async def scenario() -> None:
        async with executor(REUSED, slots=1) as recorder:
            for round in range(20):
                await recorder.run("pid")
                gate = str(tmp_path / str(round))
                first, *ahead = recorder.submit(request("wait_for_file", gate), *pids())
                recorder.executor.withdraw(ahead[1])
                end = await recorder.end(ahead[1])
                assert end.lost
                assert not end.was_started
                Path(gate).touch()
                for token in (first, ahead[0], ahead[2]):
                    assert (await recorder.end(token)).report

    def pids() -> list[Request]:
        return [request("pid") for _ in range(AHEAD)]

    play(scenario)


@pytest.mark.parametrize("kind", [FORKED, REUSED, COLD])
def test_what_has_begun_cannot_be_withdrawn(kind: Kind, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with executor(kind, slots=1) as recorder:
            (token,) = recorder.submit(request("wait_for_file", str(tmp_path / "gate")))
            await recorder.until(lambda: recorder.ends[token].starts)
            recorder.executor.withdraw(token)
            Path(tmp_path, "gate").touch()
            assert (await recorder.end(token)).report
            recorder.executor.withdraw(token)  # which is over

    play(scenario)


def test_checkpoint_with_a_request_sent_ahead() -> None:
    async def scenario() -> None:
        async with executor(REUSED, slots=1) as recorder:
            for _ in range(30):
                tokens = recorder.submit(request("checkpoints", 5), request("checkpoints", 5))
                for token in tokens:
                    assert (await recorder.end(token)).response == [True] * 5

    play(scenario)
