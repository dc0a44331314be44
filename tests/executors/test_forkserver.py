"""The fork server: its children, its death, its successor."""

from __future__ import annotations

import os
import signal

import pytest

from django_tasks_poc.executors import PreforkExecutor

from .recorder import FORKED, Kind, executor, is_alive, play, request, server_of

#: It knows of no database.
pytestmark = pytest.mark.anywhere


def test_children_are_reused_up_to_the_limit() -> None:
    async def scenario() -> None:
        async with executor(("prefork", 3), slots=1) as recorder:
            pids = [(await recorder.run("pid")).response for _ in range(7)]
            assert pids[0] == pids[1] == pids[2] != pids[3]
            assert pids[3] == pids[4] == pids[5] != pids[6]

    play(scenario)


def test_forked_children_have_chances_of_their_own() -> None:
    async def scenario() -> None:
        async with executor(FORKED) as recorder:
            assert len({(await recorder.run("chance")).response for _ in range(5)}) == 5

    play(scenario)


def test_dead_server_loses_its_stages_and_is_replaced(warm: Kind) -> None:
    async def scenario() -> None:
        async with executor(warm, slots=3) as recorder:
            grandchild = request("grandchild_stays")
            tokens = recorder.submit(request("ignore_sigterm"), request("in_c", "none runs"), grandchild)
            for token in tokens:
                await recorder.begun(token)
            left = int(next(one.done for one in recorder.progress if one.token == grandchild.token))
            assert is_alive(left)
            old = server_of(recorder)
            os.kill(old, signal.SIGKILL)
            for token in tokens:
                end = await recorder.end(token)
                assert end.lost
                assert end.was_started
                assert not is_alive(end.pid)
            assert not is_alive(left)
            await recorder.until(lambda: recorder.executor.free)
            assert (await recorder.run("echo", 1)).response == 1
            assert server_of(recorder) != old

    play(scenario)


def test_requests_not_started_survive_the_server(warm: Kind) -> None:
    async def scenario() -> None:
        async with executor(warm, slots=2) as recorder:
            tokens = recorder.submit(*(request("pid") for _ in range(recorder.executor.free)))
            os.kill(server_of(recorder), signal.SIGKILL)
            for token in tokens:
                end = await recorder.end(token)
                assert end.report or (end.lost and end.was_started)

    play(scenario)


def test_reload_ends_running_stages_on_the_old_server(warm: Kind) -> None:
    async def scenario() -> None:
        async with executor(warm, slots=2) as recorder:
            (running,) = recorder.submit(request("answer_term"))
            await recorder.begun(running)
            old = server_of(recorder)
            assert isinstance(recorder.executor, PreforkExecutor)
            recorder.executor.reload()
            state = (await recorder.run("state")).response
            assert state["parent"] != old
            recorder.executor.terminate(running)
            assert (await recorder.end(running)).response == "terminated"
            await recorder.until_true(lambda: not is_alive(old))

    play(scenario)


def test_server_that_does_not_answer_is_killed(warm: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_tasks_poc.executors.server.ANSWER_WITHIN", 0.5)
    monkeypatch.setattr("django_tasks_poc.executors.server._PING_EVERY", 0.1)

    async def scenario() -> None:
        async with executor(warm) as recorder:
            (running,) = recorder.submit(request("ignore_sigterm"))
            await recorder.begun(running)
            old = server_of(recorder)
            os.kill(old, signal.SIGSTOP)
            recorder.executor.kill(running)
            end = await recorder.end(running)
            assert end.lost
            assert "did not answer" in end.lost
            assert not is_alive(old)
            assert not is_alive(end.pid)

    play(scenario)


def test_ctrl_c_and_sigterm_are_the_managers(warm: Kind) -> None:
    async def scenario() -> None:
        async with executor(warm) as recorder:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(server_of(recorder), number)
            assert (await recorder.run("state")).response["parent"] == server_of(recorder)

    play(scenario)
