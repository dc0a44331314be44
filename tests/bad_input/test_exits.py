"""Handlers that end their process, and what they leave running."""

from __future__ import annotations

import signal

import pytest
from django.contrib.auth.models import Group

from django_tasks_poc import EntityWrapper, State

from ..managers import lives
from . import runs
from .exits import Exits, Forks, ForksAtomically, Leaves
from .runs import COLD, Run

pytestmark = [pytest.mark.django_db, pytest.mark.anywhere]

_ENDED = (
    "Its process ended with exit code {} and sent no outcome. A handler returns its answer and ends no process.{}"
).format
CODES = {
    "sys.exit()": (0, ""),
    "sys.exit(3)": (3, ""),
    "sys.exit(text)": (1, " It said last: Give up."),
    "os._exit(0)": (0, ""),
    "os._exit(7)": (7, " It said last: half a line"),
}
_PLACE = " Its stderr names the place."
SIGNALS = {
    "segmentation fault": (signal.SIGSEGV, "SIGSEGV", _PLACE),
    "abort": (signal.SIGABRT, "SIGABRT", _PLACE),
    "SIGKILL": (signal.SIGKILL, "SIGKILL", " The system may have run out of memory."),
    "SIGTERM": (signal.SIGTERM, "SIGTERM", ""),
    "SIGXCPU": (signal.SIGXCPU, "SIGXCPU", " It used up the CPU time that it is limited to."),
    "real-time signal": (signal.SIGRTMIN + 3, "unknown", ""),
}
STAYS = ("thread", "daemon thread", "exit in a thread")
LEFT = ("program", "fork")
FORKS = {"returns": 0, "raises": 1, "exits": 9}

#: In cold processes too, which take half a second each.
IN_COLD = (
    "sys.exit(text)",
    "os._exit(0)",
    "segmentation fault",
    "SIGKILL",
    "thread",
    "daemon thread",
    "atomic fork returns",
)


def stages() -> dict[str, EntityWrapper]:
    return {
        **{how: EntityWrapper(Exits, {"how": how}) for how in (*CODES, *SIGNALS, *STAYS)},
        **{how: EntityWrapper(Leaves, {"how": how}) for how in LEFT},
        **{f"fork {how}": EntityWrapper(Forks, {"how": how}) for how in FORKS},
        **{f"atomic fork {how}": EntityWrapper(ForksAtomically, {"how": how}) for how in FORKS},
    }


@pytest.fixture(scope="module")
def cold(ended: Run) -> Run:
    Group.objects.all().delete()
    return runs.run(COLD, {name: stages()[name] for name in IN_COLD})


@pytest.mark.parametrize("how", CODES)
def test_an_exit_is_a_crash_with_its_code(ended: Run, how: str) -> None:
    code, words = CODES[how]
    assert ended[how].facts == (State.ERROR, _ENDED(code, words))
    attempt = ended[how].attempt
    assert attempt is not None
    assert (attempt.outcome, attempt.exit_code, attempt.signal) == ("crashed", code, None)
    assert not ended[how].outlived
    ended.assert_nothing_else_is_lost(how)


@pytest.mark.parametrize("how", SIGNALS)
def test_a_signal_is_a_crash_with_its_name(ended: Run, how: str) -> None:
    number, name, hint = SIGNALS[how]
    assert ended[how].facts == (State.ERROR, f"Its process died of signal {int(number)} ({name}).{hint}")
    attempt = ended[how].attempt
    assert attempt is not None
    assert (attempt.outcome, attempt.exit_code, attempt.signal) == ("crashed", None, number)
    assert ("exits.py" in attempt.stderr) is (hint == _PLACE)
    ended.assert_nothing_else_is_lost(how)


@pytest.mark.parametrize("how", STAYS)
def test_a_thread_ends_with_its_stage_and_takes_nothing_along(ended: Run, how: str) -> None:
    assert ended[how].facts == (State.SUCCESS, "stays")
    # A process with a thread of its own takes no other stage; one that has just ended may be counted still.
    assert how == "exit in a thread" or not ended[how].outlived
    ended.assert_nothing_else_is_lost(how)


@pytest.mark.parametrize("how", LEFT)
def test_what_a_stage_leaves_behind_is_gone(ended: Run, how: str) -> None:
    assert ended[how].facts == (State.SUCCESS, "left")
    assert not lives(ended[how].stage.response_value)
    ended.assert_nothing_else_is_lost(how)


@pytest.mark.parametrize("kind", ["fork", "atomic fork"])
@pytest.mark.parametrize("how", FORKS)
def test_a_fork_that_comes_back_is_not_the_stage(ended: Run, how: str, kind: str) -> None:
    fork = ended[f"{kind} {how}"]
    assert fork.facts == (State.SUCCESS, "I am the stage")
    assert fork.stage.response_value == [FORKS[how], True]
    assert Group.objects.filter(name=f"{how} {kind == 'atomic fork'}").count() == 1
    ended.assert_nothing_else_is_lost(f"{kind} {how}")


@pytest.mark.parametrize("name", IN_COLD)
def test_the_same_happens_in_cold_processes(ended: Run, cold: Run, name: str) -> None:
    cold.assert_same(name, ended)


def test_the_managers_went_on(ended: Run, cold: Run) -> None:
    ended.assert_manager_went_on(code=1)
    cold.assert_manager_went_on(code=1)
