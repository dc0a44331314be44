"""Handlers that print a lot, or what no terminal takes."""

from __future__ import annotations

import pytest

from django_tasks_poc import EntityWrapper, State

from .noise import END, MEGABYTE, TAIL, Prints, Speaks
from .runs import Run

pytestmark = [pytest.mark.django_db, pytest.mark.anywhere]

_END = f"{END}\n"
_ROOM = TAIL - len(_END)
_BYTES = (bytes(range(256)) * 32)[-_ROOM:].decode(errors="replace").replace("\0", "\ufffd")
_FRAMES = ('\ufffd\ufffd\ufffd\x10{"kind":"report"}' * 1000)[-_ROOM:]
KEPT = {
    "lines": "".join(f"{number:07}\n" for number in range(MEGABYTE // 8))[-_ROOM:] + _END,
    "one line": "x" * _ROOM + _END,
    # The first of them is cut.
    "characters of three bytes": "\ufffd" * (_ROOM % 3 > 0) + "€" * (_ROOM // 3) + _END,
    "bytes": _BYTES + _END,
    "half a pair": "\\ud800\n" + _END,
    "descriptor": "y" * _ROOM + _END,
    "program": "z" * _ROOM + _END,
    "frames": _FRAMES + _END,
}
STREAMS = ("stdout", "stderr")

#: In cold processes too, which take half a second each.
IN_COLD = ("lines stdout", "half a pair stdout", "descriptor stderr", "frames stdout", "frames, well")


def stages() -> dict[str, EntityWrapper]:
    found = {f"{what} {to}": EntityWrapper(Prints, {"what": what, "to": to}) for what in KEPT for to in STREAMS}
    for what in KEPT:
        found[f"{what}, well"] = EntityWrapper(Prints, {"what": what, "fails": False})
        found[f"after {what}"] = EntityWrapper(Speaks)
    found["log stderr"] = EntityWrapper(Prints, {"what": "log", "to": "stderr"})
    return found


@pytest.mark.parametrize("to", STREAMS)
@pytest.mark.parametrize("what", KEPT)
def test_the_end_of_it_is_kept(ended: Run, what: str, to: str) -> None:
    name = f"{what} {to}"
    assert ended[name].facts == (State.ERROR, "ValueError: as it must")
    attempt = ended[name].attempt
    assert attempt is not None
    assert (attempt.stdout, attempt.stderr) == ((KEPT[what], "") if to == "stdout" else ("", KEPT[what]))
    assert ended[name].outlived
    ended.assert_nothing_else_is_lost(name)


@pytest.mark.parametrize("what", KEPT)
def test_the_result_is_not_mixed_with_it(ended: Run, what: str) -> None:
    name = f"{what}, well"
    assert ended[name].facts == (State.SUCCESS, "printed")
    assert ended[name].outlived
    ended.assert_nothing_else_is_lost(name)


@pytest.mark.parametrize("what", KEPT)
def test_the_next_stage_has_its_own_words_alone(ended: Run, what: str) -> None:
    attempt = ended[f"after {what}"].attempt
    assert attempt is not None
    assert (attempt.stdout, attempt.stderr) == ("mine\n", "mine too\n")


def test_a_log_is_kept_like_what_is_printed(ended: Run) -> None:
    attempt = ended["log stderr"].attempt
    assert attempt is not None
    assert len(attempt.stderr) == TAIL
    assert f"WARNING demo_project: {'w' * 100}\n{_END}" in attempt.stderr


@pytest.mark.parametrize("name", IN_COLD)
def test_the_same_happens_in_cold_processes(ended: Run, cold: Run, name: str) -> None:
    cold.assert_same(name, ended)


def test_the_managers_went_on(ended: Run, cold: Run) -> None:
    ended.assert_manager_went_on(code=1)
    cold.assert_manager_went_on(code=1)
