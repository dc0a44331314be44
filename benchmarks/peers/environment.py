"""The virtual environments that the peers are installed in: one each, kept for the next time."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from ..databases import RESULTS
from .catalogue import Peer

#: Names an interpreter for the peers that need a newer one.
PYTHON = "PEER_PYTHON"
_FOLDER = RESULTS / ".venvs"
#: Seconds that an installation may take.
_LIMIT = 600


class Unavailable(Exception):
    """A peer cannot be measured here."""


class Environment:
    """The environment of a peer."""

    def __init__(self, peer: Peer, python: str | None) -> None:
        self._peer, self._python = peer, python
        self._folder = _FOLDER / peer.environment

    def install(self) -> None:
        """Install the peer, unless it is there as it should be."""
        wanted, ready = "\n".join(self._peer.requirements), self._folder / ".ready"
        if ready.is_file() and ready.read_text() == wanted:
            return
        shutil.rmtree(self._folder, ignore_errors=True)
        _FOLDER.mkdir(parents=True, exist_ok=True)
        _run(self._interpreter(), "-m", "venv", str(self._folder))
        _run(self.program("python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
             *self._peer.requirements)  # fmt: skip
        ready.write_text(wanted)

    def program(self, name: str) -> str:
        """Return the path of a program of the environment."""
        return str(self._folder / "bin" / name)

    def version(self) -> str:
        """Return the version of the peer that is installed."""
        (name,) = re.findall(r"^[\w-]+", self._peer.requirements[0])
        ask = f"from importlib.metadata import version; print(version({name!r}))"
        return _run(self.program("python"), "-c", ask).strip()

    def _interpreter(self) -> str:
        lowest = self._peer.python
        for candidate in (sys.executable, self._python, *(f"python3.{minor}" for minor in range(14, 10, -1))):
            if candidate and _version(candidate) >= lowest:
                return candidate
        raise Unavailable(f"it needs Python {lowest[0]}.{lowest[1]}, and none was found; {PYTHON} may name one")


@cache
def _version(interpreter: str) -> tuple[int, int]:
    """Return the version of an interpreter; the lowest there is when it does not run."""
    ask = "import sys, ensurepip, venv; print(*sys.version_info[:2])"
    try:
        major, minor = _run(interpreter, "-c", ask).split()
    except (Unavailable, OSError):
        return 0, 0
    return int(major), int(minor)


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LIMIT)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{Path(command[0]).name} took more than {_LIMIT} s") from error
    if done.returncode:
        raise Unavailable((done.stderr.strip() or done.stdout.strip() or "it failed").splitlines()[-1])
    return done.stdout
