"""What a manager writes to a terminal of titles and messages that would move its cursor."""

from __future__ import annotations

import io
import logging
from uuid import uuid4

import pytest

from django_tasks_poc.manager.console import Console
from django_tasks_poc.signals import task_ended
from django_tasks_poc.storage.values import TaskCounts

pytestmark = pytest.mark.anywhere

HOSTILE = "\x1b[2J\rImport\u202e"


def test_a_log_line_shows_what_would_move_the_cursor(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "django_tasks_poc"):
        task_ended.send_robust(
            None, task=uuid4(), node="default", title=HOSTILE, state="SUCCESS", message=f"{HOSTILE}\nmore", depth=0
        )
    (record,) = caplog.records
    assert record.getMessage() == "Task “␛[2J Import\\u202e” succeeded: ␛[2J Import\\u202e"
    assert record.__dict__["outcome"] == f"{HOSTILE}\nmore"


def test_the_bar_of_a_manager_does_too() -> None:
    console = Console(io.StringIO())
    line = console._line(TaskCounts(uuid4(), HOSTILE, 2, 1, 0))
    assert line.endswith("50%  1 of 2 stages  ␛[2J Import\\u202e")
