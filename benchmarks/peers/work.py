"""What every peer runs: the children, what finishes them, and a meeting of both workers. It imports no peer."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

#: Variables of the environment: the folder of the marks, and the URLs of the stores.
MARKS, DATABASE, REDIS = "PEER_MARKS", "PEER_DATABASE", "PEER_REDIS"
#: The file beside the marks with what the driver measured.
ANSWER = "answer.json"
#: Seconds between two looks of who joins children by hand, and of who waits for a single job.
JOIN_EVERY, LOOK_EVERY = 0.02, 0.0005
#: Seconds that the workers may take to come up, and that anything may take.
_MEET_WITHIN, _LIMIT = 60, 300


class Wrong(Exception):
    """A peer did not do the work."""


def square(number: int) -> int:
    """Do what a child does; the first one leaves a mark."""
    mark("started")
    return number**2


def total(squares: Iterable[int], children: int) -> int:
    """Do what finishes the children: add up their results, check them, and leave a mark."""
    found = list(squares)
    if (len(found), sum(found)) != (children, sum(number**2 for number in range(children))):
        raise Wrong(f"the sum of {len(found)} squares is {sum(found)}")
    mark("finished")
    return sum(found)


def meet() -> int:
    """Wait until another process is here too, so that both workers are known to be up."""
    folder = Path(os.environ[MARKS])
    (folder / f"met-{os.getpid()}").touch()
    until(lambda: len(list(folder.glob("met-*"))) > 1, 0.01, _MEET_WITHIN)
    return 0


def mark(name: str) -> None:
    """Note the time in a file, unless it is there."""
    try:
        file = os.open(Path(os.environ[MARKS], name), os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return
    os.write(file, str(time.time()).encode())
    os.close(file)


def marked(name: str) -> float:
    """Return the time that was noted."""
    return float(Path(os.environ[MARKS], name).read_text())


def unmark() -> None:
    """Forget the marks."""
    for name in ("started", "finished"):
        Path(os.environ[MARKS], name).unlink(missing_ok=True)


def until(is_so: Callable[[], bool], every: float, limit: float = _LIMIT) -> None:
    """Look every so many seconds, until it is so."""
    deadline = time.monotonic() + limit
    while not is_so():
        if time.monotonic() > deadline:
            raise Wrong(f"nothing came of it within {limit} s")
        time.sleep(every)
