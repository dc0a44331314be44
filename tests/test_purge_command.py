"""purge_tasks: what it deletes, what it says, and what it refuses."""

from __future__ import annotations

import io
import re
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from django_tasks_poc import EntityWrapper, State, TaskBuilder
from django_tasks_poc.management.age import as_seconds
from django_tasks_poc.management.commands import purge_tasks
from django_tasks_poc.manager.database import Database
from django_tasks_poc.manager.purger import Purger
from django_tasks_poc.models import Task, TaskStage
from django_tasks_poc.node import nodes
from django_tasks_poc.processing import PIECE, Processing
from django_tasks_poc.purging import Kept, PurgeCursor, Purged, PurgeWish
from django_tasks_poc.states import FINAL
from django_tasks_poc.storage.orm import purge
from django_tasks_poc.testing import run_pending

from .handlers_admin import Fail, FanOut, Say
from .support import run_manage
from .support_storage import grow_old

pytestmark = pytest.mark.django_db(databases=["default", "even", "odd"])

DAY = 86400


@pytest.fixture(autouse=True)
def _no_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge_tasks, "_BEAT", 0)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def build(*stages: EntityWrapper, node: str = "default") -> Task:
    builder = TaskBuilder(node=node)
    return builder.build(builder.create("Import", *stages, unique=False))


def say(*arguments: str, **streams: Any) -> str:
    said = io.StringIO()
    call_command("purge_tasks", *arguments, stdout=said, **streams)
    return said.getvalue()


def test_it_deletes_what_is_old_and_says_how_much() -> None:
    build(EntityWrapper(FanOut, {"good": 2, "bad": 1}), EntityWrapper(Say))
    build(EntityWrapper(Say))
    run_pending()
    grow_old(5 * DAY + 1)
    young = build(EntityWrapper(Say))
    run_pending()
    waits = build(EntityWrapper(Say))
    assert say("--older-than", "5d", "--dry-run") == "Would purge 2 tasks with 6 stages.\n"
    assert Task.objects.roots().count() == 4
    assert say("--older-than", "5d") == "Purged 2 tasks with 6 stages.\n"
    assert set(Task.objects.all()) == {young, waits}
    assert say("--older-than", "5d") == "Purged 0 tasks with 0 stages.\n"
    assert say("--older-than", "0") == "Purged 1 task with 1 stage.\n"
    assert list(Task.objects.all()) == [waits]


def test_states_are_chosen_and_may_be_several() -> None:
    for handler in (Say, Fail):
        build(EntityWrapper(handler))
    run_pending()
    canceled = build(EntityWrapper(Say))
    canceled.cancel()
    assert say("--older-than", "0", "--state", "ERROR") == "Purged 1 task with 1 stage.\n"
    assert set(Task.objects.values_list("state", flat=True)) == {State.SUCCESS, State.CANCELED}
    assert say("--older-than=0", "--state=SUCCESS", "--state=CANCELED") == "Purged 2 tasks with 2 stages.\n"


def test_it_purges_the_named_node_only() -> None:
    for node in ("default", "odd"):
        build(EntityWrapper(Say), node=node)
        run_pending(node)
    assert say("--older-than", "0", "--node", "odd") == "Purged 1 task with 1 stage.\n"
    assert (Task.objects.count(), Task.objects.using("odd").count()) == (1, 0)


def test_what_is_kept_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    task = build(EntityWrapper(Say))
    run_pending()
    monkeypatch.setattr(purge, "protected", lambda *_: {task.uuid: "shop.Invoice.task protects it"})
    wanted = f"“Import” ({task.uuid}) is kept: shop.Invoice.task protects it.\n"
    assert say("--older-than", "0", "--dry-run") == f"{wanted}Would purge 0 tasks with 0 stages.\n"
    assert say("--older-than", "0") == f"{wanted}Purged 0 tasks with 0 stages.\n"


def test_what_is_kept_does_nothing_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    task = build(EntityWrapper(Say))
    run_pending()
    monkeypatch.setattr(purge, "protected", lambda *_: {task.uuid: "\x1b[2J\nno"})
    assert f"“Import” ({task.uuid}) is kept: ␛[2J no.\n" in say("--older-than", "0")


def test_a_manager_logs_what_is_kept_on_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    task = build(EntityWrapper(Say))
    run_pending()
    Task.objects.filter(uuid=task.uuid).update(title="\x1b[2J\nImport")
    monkeypatch.setattr(purge, "protected", lambda *_: {task.uuid: "\x1b[2J\nno"})
    purged = nodes["default"].task_command.purge(PIECE, PurgeCursor(), PurgeWish(0, FINAL))
    purger = Purger(Database(), Processing(nodes["default"], uuid4()))
    for kept in purged.kept:
        purger._tell(kept)
    assert caplog.messages[1:] == [f"“␛[2J Import” ({task.uuid}) is kept: ␛[2J no."]


def test_a_terminal_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge_tasks, "_PICTURE", 0)
    monkeypatch.setattr(purge_tasks, "PIECE", 4)
    for _ in range(3):
        build(*[EntityWrapper(Say)] * 2)
    run_pending()
    terminal, file = Terminal(), io.StringIO()
    assert say("--older-than", "0", stderr=terminal) == "Purged 3 tasks with 6 stages.\n"
    assert re.findall(r"\x1b\[K([^\r\x1b]+)", terminal.getvalue()) == [
        "1 tasks, 2 stages …", "2 tasks, 4 stages …", "3 tasks, 6 stages …"
    ]  # fmt: skip
    assert terminal.getvalue().endswith("\r\x1b[K")
    build(EntityWrapper(Say))
    run_pending()
    say("--older-than", "0", stderr=file)
    assert file.getvalue() == ""


def test_a_stop_says_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a Ctrl-C between two pieces, then no traceback, and what was done is said."""
    monkeypatch.setattr(purge_tasks, "PIECE", 4)
    for _ in range(2):
        build(*[EntityWrapper(Say)] * 2)
    run_pending()

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(purge_tasks.time, "sleep", interrupt)
    with pytest.raises(
        CommandError, match=r"^Purged 1 task with 2 stages\. Stopped; run it again to go on\.$"
    ) as error:
        say("--older-than", "0")
    assert error.value.returncode == 130
    assert Task.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5d", 5 * DAY), ("12h", 43200), ("30m", 1800), ("90s", 90), ("90", 90), ("0", 0), ("1.5h", 5400),
        ("3660d", 3660 * DAY),
    ],
)  # fmt: skip
def test_ages(text: str, seconds: float) -> None:
    assert as_seconds(text) == seconds


HUGE = "9" * 400
REFUSED = [
    *[(["--older-than", text], f"argument --older-than: {text!r} is no age; give one like 5d, 12h, 30m, 90s")
      for text in ("", " ", "d", "5x", "5D", "5 d", "5d12h", "soon", "nan", "inf", "1e3", "0x10", "+5", "٣d", "5d\n")],
    *[([f"--older-than={text}"], f"argument --older-than: {text!r} is no age") for text in ("-1", "-5d", "")],
    (["--older-than", "-5d"], "argument --older-than: expected one argument"),
    (["--older-than", "3661d"], "argument --older-than: '3661d' is more than ten years"),
    (["--older-than", HUGE], f"argument --older-than: '{HUGE[:99]}… is more than ten years"),
    ([], "the following arguments are required: --older-than"),
    *[(["--older-than", "0", "--state", state], f"argument --state: invalid choice: {state!r}")
      for state in ("READY", "PROMISED", "RUNNING", "success", "", "DONE")],
    (["--older-than", "0", "--node", "nowhere"], "Node 'nowhere' is not in DJANGO_TASKS_POC['NODES']"),
    (["--older-than", "0", "--node", ""], "Node '' is not in DJANGO_TASKS_POC['NODES']"),
    (["--older-than", "0", "everything"], "unrecognized arguments: everything"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "words"), REFUSED, ids=lambda value: repr(value)[:60])
def test_nonsense_is_refused_and_nothing_is_deleted(arguments: list[str], words: str) -> None:
    build(EntityWrapper(Say))
    run_pending()
    with pytest.raises(CommandError) as error:
        say(*arguments)
    assert words in str(error.value)
    assert TaskStage.objects.count() == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--older-than", "0"], 0), (["--older-than", "5x"], 2), (["--older-than", "0", "--node", "nowhere"], 2)],
)
@pytest.mark.django_db(transaction=True, databases=["default", "even", "odd"])
def test_the_exit_codes_are_those_of_a_shell(arguments: list[str], code: int) -> None:
    run = run_manage("purge_tasks", *arguments)
    assert run.returncode == code, run.stderr
    assert "Traceback" not in run.stderr


def test_a_piece_that_keeps_and_one_that_deletes_are_both_told(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(build(EntityWrapper(Say)).uuid, "Import", "it is dear")
    monkeypatch.setattr(purge.Purge, "piece", lambda self, cursor: Purged(1234, 56789, (kept,)))
    assert say("--older-than", "0").splitlines()[-1] == "Purged 1,234 tasks with 56,789 stages."
