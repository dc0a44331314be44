"""Processes that do not come up."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from django_tasks_poc.exceptions import TooFewFiles
from django_tasks_poc.executors import PreforkExecutor

from .recorder import COLD, COMMAND, Kind, Recorder, executor, play, request

#: It knows of no database.
pytestmark = pytest.mark.anywhere


def test_broken_settings_back_off(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "broken"
    broken.touch()
    monkeypatch.setenv("HOST_BROKEN", str(broken))

    async def scenario() -> None:
        async with executor(kind, slots=1) as recorder:
            if kind is COLD:
                (token,) = recorder.submit(request("echo", 1))
                await recorder.until_true(lambda: "The settings are broken." in caplog.text)
            else:
                assert "The settings are broken." in caplog.text
            assert recorder.executor.free == 0
            broken.unlink()
            if kind is COLD:
                assert (await recorder.end(token)).response == 1
            await recorder.until(lambda: recorder.executor.free)
            assert (await recorder.run("echo", 2)).response == 2

    play(scenario)


@pytest.mark.slow
def test_cold_process_that_never_comes_up_is_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_BROKEN", str(tmp_path))

    async def scenario() -> None:
        async with executor(COLD, slots=1) as recorder:
            end = await recorder.run("echo", 1)
            assert end.report is None
            assert end.exit is not None
            assert end.exit.code == 1
            assert "The settings are broken." in end.exit.stderr

    play(scenario)


def test_no_such_program(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.executors.recorder.COMMAND", ["/no/such/program"])

    async def scenario() -> None:
        async with executor(kind, slots=1) as recorder:
            if kind is COLD:
                end = await recorder.run("echo", 1)
                assert end.exit is not None
                assert end.exit.code == 127
            else:
                assert recorder.executor.free == 0

    play(scenario)


def test_too_few_files_are_told() -> None:
    async def scenario() -> None:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 40, hard))
        starting = PreforkExecutor(Recorder(), slots=50, command=COMMAND)
        with pytest.raises(TooFewFiles, match=r"than \d+ of its 50 places for stages need\. Raise the limit"):
            await starting.start()

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        play(scenario)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
