"""run_task_manager as a person or a service uses it: flags, exit codes, and what is shown."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from typing import Any

import pytest
from django.conf import settings

from django_tasks_poc import EntityWrapper, RetryPolicy, State

from ..building import build
from ..support import manager_environment, run_manage, run_manager
from .handlers import Answers, Fan, PausesOnce, Step, Tell
from .scenarios import states
from .stubborn import Ticks
from .witness import notes
from .writing import Writes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("witness")]


def answers(*hows: str) -> list[EntityWrapper]:
    return [EntityWrapper(Answers, {"how": how}) for how in hows]


def test_drain_tells_by_its_exit_code_whether_a_root_failed_meanwhile() -> None:
    nothing = run_manager()
    assert nothing.returncode == 0
    build("fails", *answers("raise"), finally_=EntityWrapper(Tell, {"name": "told"}))
    failed = run_manager()
    assert failed.returncode == 1
    assert len(notes("told")) == 1
    # That was another run's; a nested failure, a cancel, and a retry that helped, are none.
    build("nested", EntityWrapper(Fan, {"hows": ["raise", "crash"]}))
    build("canceled", *answers("cancel"))
    fine = run_manager()
    assert fine.returncode == 0, fine.stderr


def test_drain_waits_for_what_is_due_later_and_not_for_what_is_paused() -> None:
    paused, asks = build("paused", EntityWrapper(Step)), build("asks", EntityWrapper(PausesOnce))
    paused.pause()
    late = build("late", EntityWrapper(Step), delay=0.6, finally_=EntityWrapper(Tell, {"name": "told late"}))
    again = build("again", *answers("raise"), retry=RetryPolicy(max_attempts=2, delay=0.6))
    began = time.monotonic()
    assert run_manager().returncode == 1
    assert 0.6 < time.monotonic() - began < 15
    assert [states(task) for task in (paused, asks, late, again)] == [["READY"], ["PAUSED"], ["SUCCESS"], ["ERROR"]]
    assert len(notes("told late")) == 1


def test_run_for_ends_the_manager_and_returns_what_runs() -> None:
    task = build("ticks", EntityWrapper(Ticks, {"name": "ticks"}))
    began = time.monotonic()
    run = run_manage("run_task_manager", "--run-for", "1", "--grace", "0.1", timeout=20)
    assert run.returncode == 0, run.stderr
    assert 1 < time.monotonic() - began < 15
    assert notes("ticks")
    assert states(task) == [State.READY]


def test_timeout_is_the_limit_of_stages_that_have_none() -> None:
    task = build("hangs", *answers("hang"))
    began = time.monotonic()
    assert run_manager("--timeout", "1").returncode == 1
    assert time.monotonic() - began < 10
    task.refresh_from_db()
    assert task.message == "TimeoutError: it ran longer than 1 s."


def test_a_process_may_take_several_stages_before_it_is_replaced() -> None:
    build("steps", *[EntityWrapper(Step)] * 12, parallel=True)
    assert run_manager("--queue-size", "2", "--max-stages-per-process", "4").returncode == 0
    by_process: dict[int, int] = {}
    for note in notes("step"):
        by_process[note["pid"]] = by_process.get(note["pid"], 0) + 1
    assert sum(by_process.values()) == 12
    assert max(by_process.values()) == 4


def test_handler_and_bindir_name_the_program_that_runs_stages(tmp_path: Any) -> None:
    (tmp_path / "mine.py").write_text(
        f"import os, sys\nsys.path.insert(0, {str(settings.BASE_DIR)!r})\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'demo_project.settings'\n"
        "from tests.process.witness import note\nnote('mine', argv=sys.argv[1])\n"
        "from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n"
    )
    build("step", EntityWrapper(Step))
    arguments = ("--handler", "mine.py", "--bindir", str(tmp_path))
    assert run_manager(*arguments).returncode == 0
    # Once to ask whether it knows the command, once to be the fork server.
    assert [note["argv"] for note in notes("mine")] == ["handle_stage"] * 2
    assert len(notes("step")) == 1


def test_without_a_terminal_it_writes_plain_lines() -> None:
    build("Bills of May", *answers("raise"))
    run = run_manager()
    assert run.stdout == ""
    lines = run.stderr.splitlines()
    assert "works on node default: prefork" in lines[0]
    assert "\x1b" not in run.stderr
    assert "\r" not in run.stderr
    assert any("Task “Bills of May” failed: ValueError: row 13 is bad" in line for line in lines)
    assert all(re.match(r"\d\d:\d\d:\d\d ", line) for line in lines), run.stderr


def test_quiet_is_quiet_and_a_failure_is_not_hidden() -> None:
    build("fine", *answers("success"))
    run = run_manager("-v", "0")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    build("bad", *answers("raise"))
    run = run_manager("-v", "0")
    (line,) = run.stderr.splitlines()
    assert "Task “bad” failed" in line


def test_verbose_tells_of_each_start_and_end() -> None:
    build("both", *answers("success"), EntityWrapper(Writes, {"row": "a row", "how": "success"}))
    said = run_manager("-v", "2").stderr
    for handler in ("handlers.Answers", "writing.Writes"):
        assert re.search(rf"Stage tests.process.{handler} \S+ begins, attempt 1\n", said), said
        assert re.search(rf"Stage tests.process.{handler} \S+ succeeded after [\d.]+ s: fine\n", said), said


def test_on_a_terminal_a_bar_stays_below_the_lines() -> None:
    build("Bills", EntityWrapper(Answers, {"how": "raise"}), *[step(0.5) for _ in range(3)], on_error="CONTINUE")
    shown = on_a_terminal("run_task_manager", "--drain", "--queue-size", "1")
    assert re.search(r"░+ +0%  0 of 4 stages  Bills|█+░+ +25%  1 of 4 stages, 1 failed", shown), shown
    assert re.search(r"█+░+ +50%  2 of 4 stages, 1 failed.*  Bills", shown), shown
    # What stays on the screen are the log lines: each picture was wiped before the next line.
    lines = [line.rpartition("\r\x1b[K")[2].strip() for line in shown.split("\n")]
    assert "works on node" in lines[0]
    assert "stopped" in lines[-2]
    assert lines[-1] == ""
    assert not any("█" in line or "░" in line for line in lines), lines


def step(seconds: float) -> EntityWrapper:
    return EntityWrapper(Step, {"seconds": seconds})


def on_a_terminal(*arguments: str) -> str:
    """Run a command whose output is a terminal of 120 columns; return what that got."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR, env={**manager_environment(), "COLUMNS": "120"},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:
        pass  # Linux says so that nobody has the terminal open any more.
    finally:
        os.close(ours)
        process.wait(30)
    return shown.decode()
