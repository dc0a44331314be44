"""One run of a peer: its stores made anew, its workers started, the work driven, and all of it stopped again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ..databases import RESULTS, ROOT
from . import work
from .catalogue import Peer
from .environment import Environment
from .stores import emptied

#: Seconds that a run may take, and that a process may take to stop.
LIMIT = 180
_STOP_WITHIN = 15


class Failed(Exception):
    """A run went wrong, so there is no figure."""


@dataclass(frozen=True)
class Measured:
    """What a run gave: children a second, and milliseconds of single jobs."""

    rate: float
    latencies: list[float] = field(default_factory=list)


def run(peer: Peer, place: Environment, urls: tuple[str | None, str], children: int, samples: int) -> Measured:
    """Run a peer once."""
    database, redis = urls
    with tempfile.TemporaryDirectory() as marks, emptied(database, redis, uses_redis=peer.uses_redis):
        environment = {
            **os.environ,
            work.MARKS: marks,
            work.DATABASE: database or "",
            work.REDIS: redis,
            "RQ_REDIS_URL": redis,
            "DJANGO_SETTINGS_MODULE": f"benchmarks.peers.settings.{peer.settings}",
            "PYTHONPATH": str(ROOT),
        }
        driver = [place.program("python"), "-m", "benchmarks.peers.driver", peer.module]
        _finish([*driver, "prepare"], environment, workers=[])
        with ExitStack() as stack:
            commands = [[place.program(command[0]), *command[1:]] for command in peer.workers]
            workers = [stack.enter_context(_started(command, environment)) for command in commands]
            _finish([*driver, "measure", str(children), str(samples)], environment, workers)
        answer = json.loads(Path(marks, work.ANSWER).read_text())
    return Measured(children / answer["seconds"], answer["latencies"])


def _finish(command: list[str], environment: Mapping[str, str], workers: list[_Process]) -> None:
    """Run a driver to its end, as long as its workers live."""
    deadline = time.monotonic() + LIMIT
    with _started(command, environment) as driver:
        while (code := driver.process.poll()) is None:
            if time.monotonic() > deadline:
                said = " / ".join(worker.last_line() for worker in workers)
                raise Failed(f"it took more than {LIMIT} s; its workers say: {said}")
            if dead := [worker for worker in workers if worker.process.poll() is not None]:
                raise Failed(f"a worker ended: {dead[0].last_line()}")
            time.sleep(0.1)
        if code:
            raise Failed(driver.last_line())


@dataclass(frozen=True)
class _Process:
    """A process and the file that it writes to."""

    process: subprocess.Popen[bytes]
    output: IO[bytes]

    def last_line(self) -> str:
        self.output.seek(0)
        lines = self.output.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "nothing"


@contextmanager
def _started(command: list[str], environment: Mapping[str, str]) -> Iterator[_Process]:
    """Start a process in a session of its own; whatever happens, stop it and what it started."""
    with tempfile.TemporaryFile(dir=RESULTS) as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
        try:
            yield _Process(process, output)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_WITHIN)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
