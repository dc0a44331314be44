"""Points at which a process can be killed: every distinct statement and commit, found by watching a run."""

from __future__ import annotations

import hashlib
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection

#: The place between the build of a nested task and the answer that waits for it.
BUILT = "the nested build"

_phases = ["outside"]
_installed: list[Watch] = []


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Name what the statements inside belong to."""
    _phases.append(name)
    try:
        yield
    finally:
        _phases.pop()


def mark(place: str) -> None:
    """Make a point of a place without a statement."""
    for watch in _installed:
        watch.reach("after", place, place)


@dataclass(frozen=True)
class Point:
    """One place: before or after a statement, or a commit, which is known by the statements of its transaction."""

    phase: str
    number: int
    moment: str
    statement: str
    key: str

    def __str__(self) -> str:
        return f"{self.phase} #{self.number}, {self.moment} {self.statement} [{self.key}]"


class Watch:
    """Sees the statements and commits of the connection; notes where they are, or kills the process at one place.

    A statement is distinct by its phase and its text, without parameters and lengths of lists: wherever in a
    transaction it stands, a kill there takes back the same. Each commit is a place of its own.
    """

    def __init__(self, victim: str = "") -> None:
        self.points: dict[str, Point] = {}
        self._victim = victim
        self._transaction: list[str] = []
        self._counts: dict[str, int] = {}
        self._commits: dict[str, int] = {}

    @contextmanager
    def installed(self) -> Iterator[None]:
        commit, rollback = connection._commit, connection._rollback

        def watched_commit() -> None:
            with self._at("COMMIT", self._name_of_commit()):
                commit()
            self._transaction = []

        def watched_rollback() -> None:
            rollback()
            self._transaction = []

        connection._commit, connection._rollback = watched_commit, watched_rollback
        _installed.append(self)
        try:
            with connection.execute_wrapper(self._execute):
                yield
        finally:
            _installed.remove(self)
            connection._commit, connection._rollback = commit, rollback

    def _execute(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        if not connection.in_atomic_block:
            self._transaction = []
        statement = normalised(str(sql))
        name = f"{_phases[-1]}: {statement}"
        with self._at(statement, name):
            result = execute(sql, params, many, context)
        if name not in self._transaction:
            self._transaction.append(name)
        return result

    def _name_of_commit(self) -> str:
        """Return what was done in the transaction, and how many did the same before."""
        done = "\n".join(self._transaction)
        self._commits[done] = number = self._commits.get(done, 0) + 1
        return f"{_phases[-1]}: COMMIT {number} of {done}"

    @contextmanager
    def _at(self, statement: str, name: str) -> Iterator[None]:
        """Pass the places before and after a statement; one that fails has no after."""
        self.reach("before", statement, name)
        yield
        self.reach("after", statement, name)

    def reach(self, moment: str, statement: str, name: str) -> None:
        key = hashlib.sha256(f"{moment} {name}".encode()).hexdigest()[:10]
        if key == self._victim:
            os.kill(os.getpid(), signal.SIGKILL)
        if key not in self.points:
            phase = _phases[-1]
            self._counts[phase] = number = self._counts.get(phase, 0) + 1
            self.points[key] = Point(phase, number, moment, statement, key)


_SHORTER = (
    (re.compile(r"\s+"), " "),
    (re.compile(r"(SAVEPOINT) \S+"), r"\1"),
    (re.compile(r"%s(?:, %s)+"), "%s, …"),
    (re.compile(r"(\((?:[^()]|\(\))*\))(?:, \1)+"), r"\1, …"),  # rows of VALUES
    (re.compile(r"\b(LIMIT|OFFSET) \d+"), r"\1 n"),
    (re.compile(r"(SELECT .*?)(?: UNION ALL \1)+"), r"\1 UNION ALL …"),
)


def normalised(sql: str) -> str:
    """Return a statement without what differs between two runs of it."""
    for pattern, replacement in _SHORTER:
        sql = pattern.sub(replacement, sql)
    return sql.strip()


def brief(sql: str) -> str:
    """Return what a statement does to which table."""
    words = re.sub(r'["`]|::\S+', "", sql)
    words = re.sub(r"SELECT (?!uuid FROM \().*? FROM", "SELECT … FROM", words)
    return words if len(words) <= 160 else f"{words[:120]} … {words[-35:]}"
