"""A file for each stage in which its starts note when they begin and end; it outlives rollbacks and kills."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import Error

#: Names the folder; the managers and all their processes inherit it, and are known by it.
VARIABLE = "CHAOS_WITNESS"
#: A process with this flag is ending in the kernel: it runs no more code, but is no zombie yet.
_PF_EXITING = 0x4


class Told:
    """What a start answers, once it is known."""

    answer = ""


@contextmanager
def interval(key: str, token: str) -> Iterator[Told]:
    """Note the begin of a start of the stage ``key`` and how it ended; look whether an earlier start still runs.

    A start without an end counts until its process is dead, and whether it is, is seen here and now. The own begin
    is noted before that look, so of two that begin at once one sees the other.
    """
    pid, told = os.getpid(), Told()
    _note(key, "begin", token, pid=pid, born=_born(pid))
    for other in starts_of(key):
        if not other.ends and other.token != token and _born(other.pid) == other.born:
            _note(key, "beside", token, other=other.token)
    try:
        yield told
    except Exception as error:
        # Of an atomic stage that the database interrupts no post-mortem is kept.
        told.answer = "database" if isinstance(error, Error) else "raise"
        raise
    except BaseException:
        told.answer = "exit"
        raise
    finally:
        _note(key, "end", token, answer=told.answer)


def _note(key: str, what: str, token: str, **facts: Any) -> None:
    line = json.dumps({"what": what, "token": token, **facts})
    file = os.open(_path(key), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, f"{line}\n".encode())
    finally:
        os.close(file)


def _path(key: str) -> Path:
    return Path(os.environ[VARIABLE], key)


def _born(pid: int) -> str:
    """Return when the process started; "" when it can run no more."""
    try:
        fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] in "ZX" or int(fields[6]) & _PF_EXITING else fields[19]


@dataclass
class Start:
    """One start as its process told of it; ``number`` counts the starts of the stage."""

    number: int
    token: str
    pid: int
    born: str
    ends: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"start {self.number} ({self.token}, pid {self.pid}, answered {self.ends or 'nothing'})"


def starts_of(key: str) -> list[Start]:
    """Return the starts of a stage in the order in which they began."""
    return read(key)[0]


def read(key: str) -> tuple[list[Start], list[str]]:
    """Return the starts of a stage, and a sentence for each that ran beside another or began twice."""
    starts: dict[str, Start] = {}
    wrong = {}
    for line in _lines(key):
        token = line["token"]
        match line["what"]:
            case "begin" if token in starts:
                wrong[token, token] = f"{starts[token]} began once more in process {line['pid']}"
            case "begin":
                starts[token] = Start(len(starts) + 1, token, line["pid"], line["born"])
            case "beside":
                wrong[line["other"], token] = f"{starts[token]} began while {starts[line['other']]} ran"
            case "end":
                for later in list(starts.values())[starts[token].number :]:
                    wrong[token, later.token] = f"{later} began before {starts[token]} had ended"
                starts[token].ends.append(line["answer"])
    return list(starts.values()), list(wrong.values())


def _lines(key: str) -> list[dict[str, Any]]:
    path = _path(key)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def stages() -> list[str]:
    """Return the stages that have begun."""
    return os.listdir(os.environ[VARIABLE])


def survivors() -> list[int]:
    """Return the processes that inherited the folder's name and still live."""
    mark = f"{VARIABLE}={os.environ[VARIABLE]}".encode()
    found = []
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            environ = Path("/proc", str(pid), "environ").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if mark in environ and pid != os.getpid() and _born(pid):
            found.append(pid)
    return found
