"""Processes killed before and after every distinct statement and commit: after a restart each tree ends exactly.

CRASH_POINTS=all takes every point that was found, otherwise a sample is taken by chance; CRASH_SEED repeats one.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import zip_longest
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection

from ..support import database_url, say
from .points import BUILT

SAMPLE = 20
ALL = os.environ.get("CRASH_POINTS") == "all"
SEED = os.environ.get("CRASH_SEED") or str(random.randrange(10**6))
#: Hosts side by side when all points are taken.
HOSTS = 2 if ALL else 1

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def databases() -> Iterator[list[str]]:
    """The URLs of as many databases as there are hosts: that of the tests, and copies of it."""
    creation, name = connection.creation, str(connection.settings_dict["NAME"])
    ours = database_url()
    urls = [ours]
    connection.close()
    copies = [str(number) for number in range(1, HOSTS)]
    try:
        for copy in copies:
            creation.clone_test_db(copy, verbosity=0)
            urls.append(ours.removesuffix(quote(name)) + quote(str(creation.get_test_db_clone_settings(copy)["NAME"])))
        yield urls
    finally:
        for copy in copies:
            creation.destroy_test_db(name, verbosity=0, keepdb=False, suffix=copy)


@contextmanager
def host(url: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start a warm process; kill it when it is no longer read."""
    connection.close()
    command = [sys.executable, "-W", "error", "-m", "tests.crash", *arguments]
    environment = {**os.environ, "DATABASE_URL": url}
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.PIPE, text=True)
    with process:
        try:
            yield process
        finally:
            process.terminate()


def lines(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """Yield what the host writes, to its good end."""
    assert process.stdout is not None
    for line in process.stdout:
        yield json.loads(line)
    assert process.wait() == 0, "the host failed; its traceback is on stderr"


def read(urls: list[str], *arguments: str) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """Start a host on each database; return what the first found, and what became of the points of all."""
    stack = ExitStack()
    processes = [
        stack.enter_context(host(url, *arguments, f"--host={number}", f"--hosts={len(urls)}"))
        for number, url in enumerate(urls)
    ]
    streams = [lines(process) for process in processes]
    found, *_ = [next(stream) for stream in streams]

    def results() -> Iterator[dict[str, Any]]:
        with stack:
            for row in zip_longest(*streams):
                yield from filter(None, row)

    return found, results()


def test_after_a_kill_anywhere_each_tree_ends_exactly(
    databases: list[str], subtests: pytest.Subtests, request: pytest.FixtureRequest
) -> None:
    arguments = [f"--seed={SEED}"] if ALL else [f"--seed={SEED}", f"--count={SAMPLE}"]
    found, results = read(databases, *arguments)
    say(request, f"{len(found['points'])} crash points, {'all' if ALL else SAMPLE} tried, CRASH_SEED={SEED}")
    tried = 0
    for result in results:
        tried += 1
        with subtests.test(result["case"]):
            assert result["wrong"] == [], f"CRASH_SEED={SEED}"
    assert tried == (len(found["points"]) if ALL else SAMPLE)


@cache
def found_on(url: str) -> dict[str, Any]:
    found, results = read([url], "--count=0")
    assert list(results) == []
    return found


def test_the_points_are_all_over_the_work() -> None:
    found = found_on(database_url())
    moments: dict[tuple[str, str], set[str]] = defaultdict(set)
    for point in found["points"]:
        moments[point["phase"], point["statement"]].add(point["moment"])
    assert len(found["points"]) > 250

    statements = defaultdict(set)
    for (phase, statement), seen in moments.items():
        statements[phase].add(statement)
        assert seen == {"before", "after"} or statement == BUILT, f"{phase}: {statement} is only {seen}"
    least = {
        "build": 8, "claim": 12, "record": 12, "atomic record": 9, "nested build": 7, "settle": 12, "stage": 6,
        "atomic stage": 1, "rescue": 9, "discard": 8, "enlist": 1, "dismiss": 1, "checkpoint": 2, "beat": 3,
        "pause": 8, "resume": 9, "cancel": 10, "retry_failed": 20, "purge": 15,
    }  # fmt: skip
    assert {phase: len(statements[phase]) for phase in least if len(statements[phase]) < least[phase]} == {}
    for phase in least.keys() - {"stage", "atomic stage", "enlist", "dismiss"}:
        assert "COMMIT" in statements[phase], phase
    commits = sum(point["statement"] == "COMMIT" for point in found["points"])
    assert commits > 80  # each of them, not each kind: 40 moments at which the database may be left


def test_without_a_kill_the_scenario_ends_as_its_handlers_say() -> None:
    wanted = found_on(database_url())["wanted"]
    assert json.loads(wanted["/main"]["response"]) == {
        "loaded": [100, 101, 3, 5],
        "failed": [[2, "ValueError: row 2 is bad"]],
        "deep": [110, 11],
        "deep_failed": [[12, "ValueError: row 12 is bad"]],
        "states": ["SUCCESS", "SUCCESS", "ERROR", "SUCCESS", "SUCCESS", "SUCCESS", "SKIPPED"],
    }
    states = {path: facts["state"] for path, facts in wanted.items() if path.startswith("/") and "title" in facts}
    assert states == {
        "/main": "SUCCESS", "/main/0/rows": "ERROR", "/main/0/rows/4/deep": "ERROR",
        "/stop": "ERROR", "/cancel": "CANCELED", "/cancel/0/doomed": "CANCELED",
    }  # fmt: skip
    assert wanted["witnesses"] == dict.fromkeys(
        [
            "build main", "build stop", "build old", "fan", "flaky 3", "first half", "second half",
            "load 0", "load 1", "load 10",
            "finally of main: SUCCESS after report", "finally of stop: ERROR refused",
            "finally of old: SUCCESS 1 succeeded, 1 failed",
            "finally of cancel: CANCELED no use", "finally of deep: ERROR 2 succeeded, 1 failed",
        ],
        1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("broken", "phase", "words"),
    [
        ("record", "record", "_count of |attempts is |come to rest"),  # rows and counters in statements of their own
        ("atomic", "atomic stage", "witnesses is "),  # a handler's rows and its outcome in two transactions
        ("rescue", "record", "do not come to rest"),  # stages of the dead are left to them
        ("verb", "pause", "events is "),  # what a verb does and who gave it in transactions of their own
    ],
)
def test_a_guarantee_that_is_taken_away_is_missed(broken: str, phase: str, words: str) -> None:
    _, results = read([database_url()], f"--broken={broken}", f"--phase={phase}", "--until-wrong")
    *_, last = list(results)
    assert any(re.search(words, line) for line in last["wrong"]), last
