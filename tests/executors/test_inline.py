"""The executor that runs stages in threads, and one that there is not."""

from __future__ import annotations

import pytest

from django_tasks_poc.executors import InlineExecutor, make_executor

from . import host
from .recorder import Recorder, play

#: It knows of no database.
pytestmark = pytest.mark.anywhere


def test_inline_runs_in_threads() -> None:
    async def scenario() -> None:
        recorder = Recorder()
        recorder.executor = InlineExecutor(recorder, slots=2, run=host.run)
        await recorder.executor.start()
        assert recorder.executor.free == 2
        assert (await recorder.run("echo", 1)).response == 1
        assert (await recorder.run("checkpoints", 2)).response == [True, True]
        end = await recorder.run("raise_base")
        assert end.report is None
        assert end.exit is not None
        assert "Base: basic" in end.exit.stderr
        await recorder.executor.stop()

    play(scenario)


def test_unknown_name() -> None:
    with pytest.raises(ValueError, match="no executor"):
        make_executor("threads", Recorder.__new__(Recorder), slots=1)
