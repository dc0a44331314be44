"""task_list: which tasks it lists, in which order, and what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.management import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_tasks_poc import EntityWrapper, State, TaskBuilder
from django_tasks_poc.models import Task
from django_tasks_poc.testing import run_task
from django_tasks_poc.texts import width

from ..handlers_admin import Fail, FanOut, Say
from ..support import run_manage

pytestmark = pytest.mark.django_db(databases=["default", "even", "odd"])

Say_ = Callable[..., str]


def build(title: str, handler: type = Say, *, node: str = "default", days: float = 0) -> Task:
    builder = TaskBuilder(node=node)
    params = {"good": 1} if handler is FanOut else {}
    task = builder.build(builder.create(title, EntityWrapper(handler, params), unique=False))
    if days:
        Task.objects.using(task._state.db).filter(uuid=task.uuid).update(
            created_at=timezone.now() - timedelta(days=days)
        )
    return task


def titles(text: str) -> list[str]:
    return [record["title"] for record in json.loads(text)]


def test_roots_of_all_nodes_are_listed_the_newest_first(say: Say_) -> None:
    run_task(build("Nests", FanOut, days=2))
    build("Elsewhere", node="odd", days=1)
    run_task(build("名前 fails", Fail))
    lines = say("task_list").splitlines()
    cells = [
        re.split(r" {2,}", re.sub(r"\b\d+ s\b", "SOON", re.sub(r"^[0-9a-f-]{36}", "UUID", line))) for line in lines
    ]
    assert cells == [
        ["UUID", "STATE", "NODE", "AGE", "STAGES", "FAILED", "TITLE"],
        ["UUID", "ERROR", "default", "SOON", "1/1", "1", "名前 fails"],
        ["UUID", "READY", "odd", "1 d", "0/1", "Elsewhere"],
        ["UUID", "SUCCESS", "default", "2 d", "1/1", "Nests"],
    ]


def test_titles_do_nothing_and_columns_hold(say: Say_) -> None:
    build("\x1b[2J\nnext\u202e")
    text = say("task_list")
    assert "␛[2J next\\u202e" in text
    head, row = text.splitlines()
    assert head.index("TITLE") == row.index("␛")
    assert width("名前") == 4


def test_it_lists_by_state_node_and_age(say: Say_) -> None:
    run_task(build("done", days=3))
    build("old", days=10)
    build("new")
    build("odd", node="odd")
    wanted = {
        ("--state", "SUCCESS"): ["done"],
        ("--state", "SUCCESS", "--state", "READY", "--node", "default"): ["new", "done", "old"],
        ("--node", "odd"): ["odd"],
        ("--older-than", "5d"): ["old"],
        ("--newer-than", "1h"): ["odd", "new"],
        ("--older-than", "1h", "--newer-than", "5d"): ["done"],
    }
    for arguments, found in wanted.items():
        assert titles(say("task_list", *arguments, "--format", "json")) == found, arguments
    assert say("task_list", "--state", "PAUSED") == "There is no such task.\n"
    assert say("task_list", "--state", "PAUSED", "--format", "json") == "[]\n"


def test_the_rest_is_counted_and_costs_nothing(say: Say_) -> None:
    for number in range(5):
        build(str(number))
    with CaptureQueriesContext(connection) as few:
        assert say("task_list", "--limit", "2").splitlines()[-1] == "… and 3 more"
    with CaptureQueriesContext(connection) as all_of_them:
        assert len(say("task_list").splitlines()) == 6
    assert len(few) == len(all_of_them)


def test_a_record_says_what_a_script_needs(say: Say_) -> None:
    task = run_task(build("Fails", Fail))
    (record,) = json.loads(say("task_list", "--format", "json"))
    assert record["uuid"] == str(task.uuid)
    assert (record["state"], record["message"]) == (State.ERROR, "ValueError: failed on purpose")
    assert (record["stages"], record["finished"], record["failed"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--limit", "0"], "'0' is no whole number from 1"),
        (["--older-than", "soon"], "'soon' is no age"),
        (["--state", "PROMISED"], "invalid choice: 'PROMISED'"),
        (["--node", "nowhere"], "nowhere"),
        (["--older-than", "2d", "--newer-than", "1d"], "No task is older than --older-than and newer"),
    ],
)
def test_what_makes_no_sense_is_refused(say: Say_, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words) as refused:
        say("task_list", *arguments)
    assert refused.value.returncode in (1, 2)  # argparse itself ends with 2


def test_refused_arguments_exit_2() -> None:
    assert run_manage("task_list", "--limit", "x").returncode == 2
