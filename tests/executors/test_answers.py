"""What comes back of a stage: its answer, its progress and what it used."""

from __future__ import annotations

from uuid import uuid4

import pytest

from django_tasks_poc.executors.slots import AHEAD
from django_tasks_poc.messages import PreviousData

from .recorder import COLD, REUSED, Kind, executor, play, request

#: It knows of no database.
pytestmark = pytest.mark.anywhere


def test_answer_comes_back(kind: Kind) -> None:
    async def scenario() -> None:
        async with executor(kind) as recorder:
            end = await recorder.run("echo", {"name": "Zoë"}, previous=PreviousData(stage=uuid4(), state="success"))
            assert end.response == {"name": "Zoë"}
            assert end.starts == 1
            assert end.exit is not None
            assert (end.exit.code, end.exit.signal, end.exit.pid) == (0, None, end.pid)
            assert end.exit.max_rss > 1000

    play(scenario)


def test_many_at_once_each_get_their_own_answer(kind: Kind) -> None:
    async def scenario() -> None:
        count = 6 if kind is COLD else 200
        async with executor(kind, slots=4) as recorder:
            tokens = []
            for number in range(count):
                await recorder.until(lambda: recorder.executor.free)
                tokens += recorder.submit(request("echo", number))
            answers = [(await recorder.end(token)).response for token in tokens]
            assert answers == list(range(count))
            assert all(end.starts == 1 for end in recorder.ends.values())

    play(scenario)


def test_free_counts_what_is_accepted(kind: Kind) -> None:
    async def scenario() -> None:
        async with executor(kind, slots=2) as recorder:
            most = recorder.executor.free
            assert most == (2 * (1 + AHEAD) if kind is REUSED else 2)
            tokens = recorder.submit(*(request("sleep") for _ in range(most)))
            assert recorder.executor.free == 0
            for token in tokens:
                recorder.executor.kill(token)
            for token in tokens:
                await recorder.end(token)
            assert recorder.executor.free == most

    play(scenario)


@pytest.mark.slow
def test_big_messages_both_ways(kind: Kind) -> None:
    async def scenario() -> None:
        async with executor(kind) as recorder:
            text = "ü" * 5_000_000
            assert (await recorder.run("echo", text)).response == text
            assert len((await recorder.run("big", 20_000_000)).response) == 20_000_000
            assert (await recorder.run("echo", 1)).response == 1

    play(scenario)


def test_progress_and_checkpoints(kind: Kind) -> None:
    async def scenario() -> None:
        async with executor(kind) as recorder:
            await recorder.run("report_progress", 1000)
            assert recorder.progress[-1].done == 1000
            assert len(recorder.progress) < 100
            assert (await recorder.run("checkpoints", 3)).response == [True] * 3
            assert recorder.cursors == ["0", "1", "2"]
            recorder.accept = False
            assert (await recorder.run("checkpoints", 1)).response == [False]

    play(scenario)


@pytest.mark.slow
def test_cpu_and_memory_of_a_stage(kind: Kind) -> None:
    async def scenario() -> None:
        async with executor(kind) as recorder:
            heavy = (await recorder.run("spin", {"seconds": 0.5, "mib": 100})).exit
            light = (await recorder.run("spin", {"seconds": 0, "mib": 0})).exit
            assert heavy is not None
            assert light is not None
            assert 0.45 < heavy.user_cpu + heavy.system_cpu < 5
            assert heavy.max_rss > 100_000
            if kind is not COLD:
                assert light.user_cpu + light.system_cpu < 0.3

    play(scenario)
