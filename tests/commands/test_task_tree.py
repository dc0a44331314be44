"""task_tree: what it shows of any task, in how many queries, and that nothing in a title harms a terminal."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_tasks_poc import EntityWrapper, State
from django_tasks_poc.management.commands import task_tree
from django_tasks_poc.models import Task, TaskStage
from django_tasks_poc.testing import run_task, tree
from django_tasks_poc.texts import width
from django_tasks_poc.tree import read_tree
from django_tasks_poc.tree.reading import LEVELS, STAGES

from ..building import build
from ..handlers_admin import Fail, FanOut, Pause, Say
from ..support import run_manage
from ..support_rows import add_stages
from .conftest import Said

pytestmark = pytest.mark.django_db(databases=["default", "even", "odd"])

NOBODY = "01900000-0000-7000-8000-000000000000"
HOSTILE = "\x1b[31m[red]名前[/red]\x07\r\n\u202edesrever"


def squeezed(text: str) -> list[str]:
    return [re.sub(r" +", " ", line) for line in text.splitlines()]


def test_a_tree_tells_stages_attempts_nested_tasks_and_verbs(say: Callable[..., str]) -> None:
    task = run_task(build("Import", EntityWrapper(FanOut, {"good": 2, "bad": 1}), EntityWrapper(Say)))
    task.retry_failed(by="ann", reason="once more")
    run_task(task)
    text = re.sub(r"\d+\.\d s|peak memory \d+ MiB", "", say("task_tree", task.uuid))
    text = re.sub(r"\.py:\d+", ".py:LINE", text)
    assert [line.strip() for line in squeezed(text)] == [
        "Import SUCCESS",
        "├─ 1. FanOut(good=2, bad=1) SUCCESS 2 succeeded, 1 failed",
        "│ └─ Rows ERROR 2 succeeded, 1 failed",
        "│ ├─ 1. Say(message='row 0') SUCCESS row 0",
        "│ ├─ 2. Say(message='row 1') SUCCESS row 1",
        "│ └─ 3. Fail ERROR ValueError: failed on purpose (4 starts, 4 attempts)",
        *[f"│ ├─ attempt {n} error at handlers_admin.py:LINE in handle" for n in (1, 2, 3)],
        "│ └─ attempt 4 error at handlers_admin.py:LINE in handle",
        "├─ 2. Say SUCCESS said (2 starts, 2 attempts)",
        "└─ retry by ann: once more",
    ]


def test_as_json_it_is_the_whole_of_what_was_read(say: Callable[..., str]) -> None:
    task = run_task(build("Import", EntityWrapper(FanOut, {"good": 1, "bad": 1})))
    told = json.loads(say("task_tree", task.uuid, "--format", "json"))
    (stage,) = told["stages"]
    (nested,) = stage["nested"]
    assert (told["uuid"], told["state"], told["counts"]["SUCCESS"]) == (str(task.uuid), "SUCCESS", 1)
    assert [row["state"] for row in nested["stages"]] == ["SUCCESS", "ERROR"]
    assert nested["stages"][1]["attempts"][0]["outcome"] == "error"
    assert "ValueError: failed on purpose" in nested["stages"][1]["traceback"]


def test_a_huge_tree_is_cut_with_a_count_and_shows_what_matters(say: Callable[..., str]) -> None:
    task = build("Huge", EntityWrapper(Say), parallel=True)
    add_stages(task, 99_999)
    TaskStage.objects.filter(task=task, order=70_000).update(state=State.RUNNING)
    TaskStage.objects.filter(task=task, order=80_000).update(state=State.ERROR, message="no such row")
    Task.objects.filter(uuid=task.uuid).update(state=State.RUNNING, open_count=99_999, running_count=1, error_count=1)
    lines = squeezed(say("task_tree", task.uuid))
    assert len(lines) == STAGES + 2
    assert lines[-3].startswith("├─ 70,001. Noop RUNNING") or "70,001" in lines[-3]
    assert "80,001" in lines[-2]
    assert lines[-2].endswith("no such row")
    assert lines[-1] == "└─ … and 99,980 more 99,980 READY"


def chain(depth: int) -> Task:
    """Return a root with so many levels below it, of one stage each."""
    task = build("Level 0", EntityWrapper(Say))
    root, stage = task, task.stages.get()
    tasks, stages = [], []
    for level in range(1, depth + 1):
        values = {field.attname: getattr(task, field.attname) for field in Task._meta.concrete_fields}
        task = Task(**values | {"uuid": None, "title": f"Level {level}", "depth": level, "unique_open": None})
        task.uuid, task.root_id, task.parent_stage_id = Task._meta.pk.get_default(), root.uuid, stage.uuid
        stage = TaskStage(task_id=task.uuid, order=0, handler="a.Step", params="{}")
        tasks.append(task)
        stages.append(stage)
    with connection.constraint_checks_disabled():
        Task.objects.bulk_create(tasks)
        TaskStage.objects.bulk_create(stages)
    return root


def test_any_depth_costs_a_fixed_number_of_queries_a_level(say: Callable[..., str]) -> None:
    root = chain(1500)
    with CaptureQueriesContext(connection) as queries:
        text = say("task_tree", root.uuid)
    lines = text.splitlines()
    assert len(lines) == 2 * LEVELS + 2
    assert lines[-1].strip().startswith(f"└─ … and 1 more below level {LEVELS}")
    assert len(queries) <= 2 + 5 * LEVELS


def test_a_wide_level_costs_as_much_as_a_narrow_one() -> None:
    costs = []
    for stages in (1, 15):
        task = run_task(build("Wide", *[EntityWrapper(FanOut, {"good": 2, "bad": 1})] * stages, unique=False))
        with CaptureQueriesContext(connection) as queries:
            read_tree(task)
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_hostile_titles_are_shown_and_do_nothing(say: Callable[..., str]) -> None:
    task = run_task(build(HOSTILE, EntityWrapper(Say, {"message": HOSTILE})))
    text = say("task_tree", task.uuid)
    assert not set(text) & {"\x1b", "\x07", "\r", "\u202e"}
    assert "␛[31m[red]名前[/red]␇ \\u202edesrever" in text
    assert len(text.splitlines()) == 2
    first, second = text.splitlines()
    assert width(first.partition("SUCCESS")[0]) == width(second.partition("SUCCESS")[0])


def test_secrets_are_masked_in_every_format(say: Callable[..., str]) -> None:
    secret = {"api_key": ["hunter2"], "rows": 7}
    task = build("Secret", EntityWrapper(Say, {"response": secret}), EntityWrapper(Say, {"message": "plain"}))
    long = EntityWrapper(Say, {"response": {"password": "hunter2", "rows": ["x" * 5_000]}})
    for one in (run_task(task), run_task(build("Long", long))):
        for format in ("text", "json"):
            told = say("task_tree", one.uuid, "--format", format)
            assert "hunter2" not in told
            assert "*****" in told
    told = json.loads(say("task_tree", task.uuid, "--format", "json"))
    assert told["stages"][0]["response"] == '{"api_key":"********************","rows":7}'
    assert told["stages"][1]["params"] == '{"message":"plain"}'


def test_rows_that_cannot_be_read_are_shown_as_they_are(say: Callable[..., str]) -> None:
    task = build("Broken", EntityWrapper(Say), EntityWrapper(Say))
    TaskStage.objects.filter(task=task, order=0).update(params="{", response="[1,", progress="?", state="DANCING")
    Task.objects.filter(uuid=task.uuid).update(state="DANCING")
    lines = squeezed(say("task_tree", task.uuid))
    assert lines[0].startswith("Broken DANCING")
    assert lines[1] == "├─ 1. Say({) DANCING → [1,"


def test_what_it_refuses() -> None:
    with pytest.raises(CommandError, match=f"There is no task {NOBODY} in the databases of the nodes"):
        call_command("task_tree", NOBODY)
    ended = run_manage("task_tree", "abc")
    assert (ended.returncode, "argument uuid: 'abc' is no uuid" in ended.stderr) == (2, True)


@pytest.fixture
def ends_while_watched(monkeypatch: pytest.MonkeyPatch) -> Callable[[Task], None]:
    """Have a task run at the second look at it."""

    def prepare(task: Task) -> None:
        def look(seconds: float) -> None:
            run_task(task)

        monkeypatch.setattr(task_tree.time, "sleep", look)

    return prepare


def test_a_watch_in_a_pipe_is_lines_and_then_the_tree(
    say: Callable[..., str], ends_while_watched: Callable[[Task], None]
) -> None:
    task = build("Import", EntityWrapper(Say), EntityWrapper(Fail))
    ends_while_watched(task)
    text = say("task_tree", task.uuid, "--watch")
    assert "\x1b" not in text
    assert text.splitlines()[:2] == [
        "“Import” is READY, 0 of 2 stages",
        "“Import” is ERROR, 2 of 2 stages",
    ]
    assert squeezed(text)[2].startswith("Import ERROR")


def test_a_watch_as_json_is_the_end(say: Callable[..., str], ends_while_watched: Callable[[Task], None]) -> None:
    task = build("Import", EntityWrapper(Say))
    ends_while_watched(task)
    assert json.loads(say("task_tree", task.uuid, "--watch", "--format", "json"))["state"] == "SUCCESS"


def test_without_rich_a_terminal_gets_the_text_and_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_tree.importlib.util, "find_spec", lambda name: None)
    task = build("Import", EntityWrapper(Say))
    said, hints = Said(is_terminal=True), io.StringIO()
    call_command("task_tree", task.uuid, stdout=said, stderr=hints)
    assert squeezed(said.getvalue())[1] == "└─ 1. Say READY"
    assert "pip install 'django-tasks-poc[cli]'" in hints.getvalue()


def test_with_rich_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch, ends_while_watched: Any) -> None:
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    task = build(HOSTILE, EntityWrapper(Say, {"message": "[bold]as it is[/bold]"}))
    ends_while_watched(task)
    said = Said(is_terminal=True)
    monkeypatch.setattr(task_tree.sys, "stdout", said)
    call_command("task_tree", task.uuid, "--watch", stdout=said)
    text = said.getvalue()
    assert "\x1b[" in text
    assert "\x1b[31m[red]" not in text
    assert "␛[31m[red]名前[/red]␇" in text
    assert "[bold]as it is[/bold]" in text
    assert re.search(r"\x1b\[\d+A", text), "it is drawn anew in place"


def test_a_task_that_is_purged_meanwhile_is_an_error(monkeypatch: pytest.MonkeyPatch, say: Callable[..., str]) -> None:
    task = build("Import", EntityWrapper(Say))
    monkeypatch.setattr(task_tree.time, "sleep", lambda seconds: Task.objects.filter(uuid=task.uuid).delete())
    with pytest.raises(CommandError, match="is gone: it was purged meanwhile"):
        say("task_tree", task.uuid, "--watch")


def test_the_tree_of_a_test_is_the_same_each_time() -> None:
    draft = [EntityWrapper(FanOut, {"good": 1, "bad": 1}), EntityWrapper(Pause)]
    first, second = (build("Import", *draft, unique=False) for _ in range(2))
    trees = []
    for task in (first, second):
        run_task(build("Other", EntityWrapper(Say), unique=False))
        trees.append(tree(task))
    assert trees[0] == trees[1]
