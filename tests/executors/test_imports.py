"""What importing the module of a handler does to a fork server."""

from __future__ import annotations

import pytest

from .recorder import Kind, executor, play, request, server_of

#: It knows of no database.
pytestmark = pytest.mark.anywhere


@pytest.mark.parametrize("handler", ["starts_thread", "opens_connection"])
def test_handler_that_makes_the_server_unfit(warm: Kind, handler: str, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with executor(warm, slots=2) as recorder:
            (running,) = recorder.submit(request("answer_term"))
            await recorder.begun(running)
            old = server_of(recorder)
            for _ in range(3):
                assert (await recorder.run(handler)).response
            assert server_of(recorder) != old
            recorder.executor.terminate(running)
            assert (await recorder.end(running)).response == "terminated"

    play(scenario)
    assert sum(handler in record.getMessage() for record in caplog.records) == 1


def test_import_that_kills_the_server(warm: Kind) -> None:
    async def scenario() -> None:
        async with executor(warm) as recorder:
            assert (await recorder.run("kills_server")).response
            assert (await recorder.run("fails")).response

    play(scenario)
