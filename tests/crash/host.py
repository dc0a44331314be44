"""The warm process: it loads Django once, finds the points, and forks a process for each that is killed there.

A process of its own, because that of the tests may have threads, which do not go with a fork. It writes JSON, a
document a line: first what it found, then what became of each point.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import random
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection, connections
from django.db.backends.signals import connection_created

from django_tasks_poc.connections import prepare_connections

from . import checks, scenario
from .handlers import Witness
from .points import BUILT, Point, Watch, brief
from .user import VERBS

#: Seconds after which a process counts as hung.
_LIMIT = 60
#: Of the start after a crash only what is not in a first one is killed.
_AFTER_A_CRASH = ("rescue", "discard")


@dataclass
class Story:
    """What is built and run; in the second one a process has been killed before, at the point ``crash``."""

    name: str
    titles: tuple[str, ...]
    crash: str = ""
    #: How it ends when nobody is killed.
    wanted: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A point of a story."""

    story: Story
    point: Point

    def __str__(self) -> str:
        point = self.point
        what = f"{point.phase} #{point.number} {point.moment} {brief(point.statement)}"
        return f"{self.story.name}: {what} [{point.key}]"


class Host:
    """Runs the stories in forked processes, and looks at what they left."""

    def __init__(self, broken: str, told: Path) -> None:
        self._broken = broken
        self._told = told

    def find(self) -> list[Case]:
        """Return every point of the stories, found by watching them."""
        first = Story("first start", tuple(title for title in scenario.TASKS if title != scenario.ACTED_ON))
        cases = [Case(first, point) for point in self._watched(first)]
        acted = Story("acted on", (scenario.ACTED_ON,))
        cases += [Case(acted, point) for point in self._watched(acted) if point.phase in (*VERBS, "beat")]
        if not self._broken:
            crash = next(case.point.key for case in cases if case.point.statement == BUILT)
            again = Story("restart", ("cancel", "stop"), crash)
            cases += [Case(again, point) for point in self._watched(again) if point.phase in _AFTER_A_CRASH]
        return cases

    def _watched(self, story: Story) -> list[Point]:
        """Run all to the end in a process that notes the points."""

        def act() -> None:
            watch = Watch()
            with watch.installed():
                self._run(story)
            self._told.write_text(json.dumps([asdict(point) for point in watch.points.values()]))

        self._prepare(story)
        code = self._fork(act)
        assert code == 0, self._told.read_text()
        points = [Point(**fields) for fields in json.loads(self._told.read_text())]
        wrong = [*checks.in_the_end()]
        assert self._broken or not wrong, "\n".join(wrong)
        story.wanted = checks.snapshot()
        return points

    def wrong_after(self, case: Case) -> list[str]:
        """Kill a process at the point, start again, and return what is wrong."""
        story = case.story
        self._prepare(story)
        if (code := self._kill(story, case.point.key)) != -signal.SIGKILL:
            return [f"the process was to be killed here and ended with code {code}: {self._said()}"]
        if wrong := [f"after the kill: {words}" for words in (*checks.always(), *checks.unique_keys())]:
            return wrong
        if code := self._fork(lambda: self._run(story)):
            return [f"the restart ended with code {code}: {self._said()}", *checks.always()]
        return [*checks.in_the_end(), *checks.differences(story.wanted, checks.snapshot())]

    def _prepare(self, story: Story) -> None:
        checks.clean()
        if story.crash:
            code = self._kill(story, story.crash)
            assert code == -signal.SIGKILL, f"{code}: {self._said()}"

    def _kill(self, story: Story, key: str) -> int:
        def act() -> None:
            with Watch(key).installed():
                self._run(story)

        return self._fork(act)

    def _run(self, story: Story) -> None:
        scenario.build_tasks(story.titles)
        scenario.work(story.titles, self._broken)

    def _said(self) -> str:
        return self._told.read_text() or "nothing said"

    def _fork(self, act: Callable[[], None]) -> int:
        """Act in a forked process; return its exit code, negative for a signal."""
        self._told.write_text("")
        connections.close_all()
        pid = os.fork()
        if not pid:
            code = 1
            try:
                signal.alarm(_LIMIT)
                act()
                connections.close_all()
                code = 0
            except BaseException:
                self._told.write_text(traceback.format_exc())
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def chosen(cases: list[Case], arguments: argparse.Namespace) -> list[Case]:
    """Return the points to be tried, in an order of chance; one of several hosts takes its share."""
    if arguments.phase:
        cases = [case for case in cases if case.point.phase == arguments.phase]
    count = len(cases) if arguments.count is None else min(arguments.count, len(cases))
    return random.Random(arguments.seed).sample(cases, count)[arguments.host :: arguments.hosts]


def lines(host: Host, arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    cases = host.find()
    yield {
        "points": [{"story": case.story.name, **asdict(case.point)} for case in cases],
        "wanted": cases[0].story.wanted,
    }
    for case in chosen(cases, arguments):
        wrong = host.wrong_after(case)
        yield {"case": str(case), "wrong": wrong}
        if wrong and arguments.until_wrong:
            return


def no_waiting_for_the_disk(connection: Any, **kwargs: Any) -> None:
    """Commit without a sync of the disk: it is processes that die here, not machines."""
    quick = {"sqlite": "PRAGMA synchronous = OFF", "postgresql": "SET synchronous_commit = off"}
    if connection.vendor in quick:
        with connection.cursor() as cursor:
            cursor.execute(quick[connection.vendor])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.crash")
    parser.add_argument("--seed", default="0", help="chooses the points and their order")
    parser.add_argument("--count", type=int, help="how many points; all if not given")
    parser.add_argument("--phase", help="only points of this phase")
    parser.add_argument("--host", type=int, default=0, help="which of the hosts this is, from 0")
    parser.add_argument("--hosts", type=int, default=1, help="how many share the points, each with its own database")
    parser.add_argument("--until-wrong", action="store_true", help="end at the first point after which all is not well")
    parser.add_argument("--broken", default="", help="a guarantee to be taken away: record, atomic, rescue, verb")
    arguments = parser.parse_args()
    logging.disable()
    prepare_connections()
    connection_created.connect(no_waiting_for_the_disk)
    scenario.set_small_pieces()
    scenario.break_code(arguments.broken)
    with connection.schema_editor() as editor:
        if Witness._meta.db_table in connection.introspection.table_names():  # of a host that was killed
            editor.delete_model(Witness)
        editor.create_model(Witness)
    gc.freeze()
    try:
        with tempfile.TemporaryDirectory() as folder:
            for line in lines(Host(arguments.broken, Path(folder) / "told"), arguments):
                sys.stdout.write(json.dumps(line, default=str) + "\n")
                sys.stdout.flush()
    finally:
        checks.clean()
        with connection.schema_editor() as editor:
            editor.delete_model(Witness)
        connections.close_all()  # SQLite then removes its files beside the database
