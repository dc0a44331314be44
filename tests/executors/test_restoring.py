"""What a stage finds of the one before it."""

from __future__ import annotations

from typing import Any

import pytest

from .recorder import REUSED, Kind, executor, play

#: It knows of no database.
pytestmark = pytest.mark.anywhere


def test_next_stage_finds_nothing_of_the_one_before(kind: Kind) -> None:
    async def scenario() -> None:
        async with executor(kind, slots=1) as recorder:
            before = (await recorder.run("state")).response
            messed = (await recorder.run("mess_up")).response
            after = (await recorder.run("state")).response
            assert (after["pid"] == messed) is (kind is REUSED)
            for state in (before, after):
                del state["pid"], state["parent"]
            assert after == before
            assert after["term"]
            assert after["int"]
            assert after["chld"]
            assert after["session"]
            assert not after["blocked"]

    play(scenario)


@pytest.mark.parametrize(
    ("handler", "params"), [("thread", None), ("close_streams", None), ("leak", 200), ("grandchild", "popen")]
)
def test_what_cannot_be_put_back_ends_the_process(handler: str, params: Any) -> None:
    async def scenario() -> None:
        async with executor(REUSED, slots=1) as recorder:
            first = await recorder.run("pid")
            second = await recorder.run(handler, params)
            third = await recorder.run("state")
            assert first.pid == second.pid != third.pid
            assert second.report is not None
            assert second.report.cpu is None
            assert third.response["threads"] == 1

    play(scenario)


@pytest.mark.parametrize("handler", ["thread", "close_streams", "leak"])
def test_bad_manners_do_no_harm(kind: Kind, handler: str) -> None:
    async def scenario() -> None:
        async with executor(kind) as recorder:
            end = await recorder.run(handler, 50)
            assert end.response == end.pid
            assert (await recorder.run("shout", 1)).exit.stdout == "1\n"  # type: ignore[union-attr]

    play(scenario)
