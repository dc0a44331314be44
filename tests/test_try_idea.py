"""The command that tries an idea: what it lists, refuses and shows."""

from __future__ import annotations

import io
import re

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from demo_project.ideas import find_ideas
from django_tasks_poc import State, TaskBuilder
from django_tasks_poc.models import Task

from .managers import manager
from .support import run_manage


def try_idea(*arguments: str) -> list[str]:
    """Run the command in a process of its own; return its lines, with what differs from run to run replaced."""
    ended = run_manage("try_idea", *arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\x1b" not in ended.stdout  # colours are for terminals
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", ended.stdout)
    text = re.sub(r"\d+\.\d\d s", "TIME", text)
    return re.sub(r"\d+ MiB", "N MiB", text).splitlines()


def tree(lines: list[str], title: str) -> list[str]:
    """Return the tree of the task: from its title to the next empty line, with single spaces."""
    start = next(number for number, line in enumerate(lines) if line.startswith(title))
    return [" ".join(line.split()) for line in lines[start : lines.index("", start)]]


def test_without_a_name_all_ideas_are_listed_with_their_first_lines() -> None:
    output = io.StringIO()
    call_command("try_idea", stdout=output)
    listed = output.getvalue().partition("\n\n")[0].splitlines()
    assert [line.split(maxsplit=1) for line in listed] == [[i.name, i.summary] for i in find_ideas().values()]
    assert "manage.py try_idea hello\n" in output.getvalue()


def test_an_unknown_name_is_refused_with_the_closest_and_all_known_ones() -> None:
    with pytest.raises(CommandError) as refused:
        call_command("try_idea", "fan-out")
    assert str(refused.value) == (
        f"There is no idea 'fan-out'. Did you mean fan_out? Known: {', '.join(find_ideas())}; or all."
    )
    with pytest.raises(CommandError, match=r"^There is no idea 'import_table'\. Known: async, "):
        call_command("try_idea", "import_table")


@pytest.mark.django_db
def test_a_database_without_tables_is_refused() -> None:
    (leaf,) = MigrationLoader(connection).graph.leaf_nodes("django_tasks_poc")
    MigrationRecorder(connection).record_unapplied(*leaf)
    with pytest.raises(CommandError, match=r"lacks tables.* manage\.py migrate$"):
        call_command("try_idea", "hello")
    assert not Task.objects.exists()


@pytest.mark.django_db
def test_a_manager_that_does_not_come_up_is_reported_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "no_such_settings")  # for the manager's process
    with pytest.raises(CommandError) as refused:
        call_command("try_idea", "hello", stdout=io.StringIO())
    assert "The manager ended with exit code 1, and 'Say hello' is READY." in str(refused.value)
    assert "No module named 'no_such_settings'" in str(refused.value)


@pytest.mark.django_db(transaction=True)
def test_an_idea_that_fails_is_shown_and_is_no_failure_of_the_command() -> None:
    lines = try_idea("failure")
    assert lines[:3] == [
        "Running manage.py run_task_manager --drain",
        "",
        "failure: A stage that raises fails, and the task stops there: what comes after it is canceled.",
    ]
    assert tree(lines, "Sell a book") == [
        "Sell a book ERROR TIME",
        "├─ 1. Reserve SUCCESS TIME 1 book reserved",
        '├─ 2. Charge ERROR TIME CardRefused: the card has expired → {"ask for": "another card"}',
        "│ └─ attempt 1 error TIME at failure.py:29 in handle, peak memory N MiB",
        "└─ 3. Ship CANCELED",
    ]
    assert "The code: demo_project/handlers/failure.py" in lines
    assert "The task: http://127.0.0.1:8000/admin/django_tasks_poc/task/UUID/change/" in lines
    assert lines[-1].endswith("manage.py createsuperuser")


@pytest.mark.django_db(transaction=True)
def test_a_task_that_paused_itself_is_shown_and_resumed() -> None:
    lines = try_idea("pause")
    assert tree(lines, "Pay an invoice") == [
        "Pay an invoice PAUSED",
        "├─ 1. Approve(amount=250) PAUSED TIME approve 250 EUR",
        "└─ 2. Pay READY",
    ]
    resumed = lines.index("Resuming 'Pay an invoice', as a person can do it in the admin.")
    assert tree(lines[resumed:], "Pay an invoice") == [
        "Pay an invoice SUCCESS TIME",
        "├─ 1. Approve(amount=250) SUCCESS TIME 250 EUR approved (2 starts, 1 attempt)",
        "├─ 2. Pay SUCCESS TIME paid",
        "└─ resume by try_idea: tried out",
    ]


@pytest.mark.django_db(transaction=True)
def test_progress_is_told_while_the_stage_runs() -> None:
    told = [line for line in try_idea("progress") if re.fullmatch(r"1\. Load: \d+ of 20 pages loaded", line)]
    assert told
    assert len(set(told)) == len(told)


@pytest.mark.django_db(transaction=True)
def test_all_ideas_are_shown_and_an_open_one_is_gone_on_with() -> None:
    builder = TaskBuilder()
    earlier = builder.build(find_ideas()["hello"].draft(builder))
    lines = try_idea("all")
    assert lines[0] == "Going on with task UUID of an earlier try of hello."
    assert [line.partition(":")[0] for line in lines if line.partition(":")[0] in find_ideas()] == list(find_ideas())
    earlier.refresh_from_db()
    assert earlier.state == State.SUCCESS
    assert not Task.objects.filter(finished_at__isnull=True).exists()


@pytest.mark.django_db(transaction=True)
def test_another_manager_may_take_the_task() -> None:
    with manager("--heartbeat", "0.05") as running:
        running.wait_until_up()
        assert tree(try_idea("hello"), "Say hello") == [
            "Say hello SUCCESS TIME",
            "└─ 1. Greet(name='world') SUCCESS TIME greeted → Greeting(text='Hello, world!')",
        ]
        assert running.stop() == 0
