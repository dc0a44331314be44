"""What stages print."""

from __future__ import annotations

import pytest

from .recorder import COLD, Kind, executor, play, request

#: It knows of no database.
pytestmark = pytest.mark.anywhere


def test_output_is_kept_apart_and_bounded(kind: Kind) -> None:
    async def scenario() -> None:
        async with executor(kind, slots=1) as recorder:
            end = await recorder.run("noise", {"bytes": 20_000_000, "stderr": "a complaint"})
            assert end.response == 20_000_000
            assert end.exit is not None
            assert end.exit.stdout.endswith("xxthe end of stdout")
            assert len(end.exit.stdout) == 8192
            assert end.exit.stderr == "a complaint\nbad \ufffd\ufffd and \ufffd bytes"

    play(scenario)


@pytest.mark.slow
def test_output_belongs_to_its_stage(kind: Kind) -> None:
    async def scenario() -> None:
        async with executor(kind, slots=1) as recorder:
            count = 4 if kind is COLD else 100
            tokens = []
            for number in range(count):
                await recorder.until(lambda: recorder.executor.free)
                tokens += recorder.submit(request("shout", number))
            for number, token in enumerate(tokens):
                exit = (await recorder.end(token)).exit
                assert exit is not None
                assert (exit.stdout, exit.stderr) == (f"{number}\n", f"{number}\n")

    play(scenario)
