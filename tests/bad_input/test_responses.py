"""Responses and texts that cannot be kept as they are."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest

from django_tasks_poc import EntityWrapper, State

from .responses import CLEANED, LIMIT, VALUES, ChangesTo, RefusesWith, Responds, Says, nested
from .runs import Run

pytestmark = [pytest.mark.django_db, pytest.mark.anywhere]

KEPT: dict[str, Any] = {
    "at the limit": "x" * (LIMIT - 2),
    "at the limit, two bytes each": "é" * (LIMIT // 2 - 1),
    "set": [7],
    "number keys": {"1": "one"},
    "500 levels": nested(500),
    "large number": 2**70,
    "Decimal that is no number": [str(Decimal("NaN"))],
}
TOO_LARGE = (
    "The response has 1,048,577 bytes of JSON; MAX_RESPONSE_SIZE allows 1,048,576. "
    "Store it yourself and return where it is."
)
_NO_FORM = "has no JSON form; use dicts, lists, strings, numbers, booleans, None or a dataclass of them."
_TOO_DEEP = "it is nested more than 500 levels deep, or holds itself; make it flatter."
_KEYS = "a key of a dict is no string; convert the keys."
_NUL = r"a string holds a NUL character ('\x00'), which databases refuse; remove it."
_HALF = "a string holds half a surrogate pair ({}), which is no character; remove it."
REFUSED = {
    "one byte over": TOO_LARGE,
    "one byte over, two bytes each": TOO_LARGE,
    **{
        name: f"The response cannot be stored as JSON: {why}"
        for name, why in {
            "object": f"builtins.object {_NO_FORM}",
            "lambda": f"builtins.function {_NO_FORM}",
            "class": f"builtins.type {_NO_FORM}",
            "exception": f"builtins.ValueError {_NO_FORM}",
            "circle": _TOO_DEEP,
            "tuple keys": _KEYS,
            "None key": _KEYS,
            "501 levels": _TOO_DEEP,
            "100,000 levels": _TOO_DEEP,
            "NaN": "nan is no JSON number; use None or a string.",
            "infinity": "-inf is no JSON number; use None or a string.",
            "NUL": _NUL,
            "NUL in a key": _NUL,
            "half a pair": _HALF.format(r"'\ud800'"),
            "half a pair in a key": _HALF.format(r"'\udfff'"),
        }.items()
    },
    "underived dataclass": (
        "The response Underived is a dataclass that does not derive from TaskResponse; derive it, to have it back as "
        "it is, or return dataclasses.asdict(…) of it."
    ),
    "no dataclass": "The response Plain derives from TaskResponse and must be a dataclass too; decorate it.",
    "local dataclass": (
        "tests.bad_input.responses.local.<locals>.Local cannot be imported by another process. "
        "Move it to the top level of a module."
    ),
    "wrong field": "The response Counted would not come back as it is: Expected `int`, got `str` - at `$.rows`.",
}

#: In cold processes too, which take half a second each.
IN_COLD = ("at the limit", "one byte over", "local dataclass", "100,000 levels", "poison exception", "poison progress")


def stages() -> dict[str, EntityWrapper]:
    return {
        **{name: EntityWrapper(Responds, {"what": name}) for name in VALUES},
        "refused": EntityWrapper(RefusesWith, {"what": "NaN"}),
        "changed": EntityWrapper(ChangesTo, {"what": "object"}),
        **{
            f"{text} {where}": EntityWrapper(Says, {"where": where, "text": text})
            for text in ("poison", "long")
            for where in ("message", "error", "skip", "exception", "progress")
        },
    }


@pytest.mark.parametrize("name", KEPT)
def test_it_is_kept(ended: Run, name: str) -> None:
    assert ended[name].facts == (State.SUCCESS, "here it is")
    assert ended[name].stage.response_value == KEPT[name]


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_an_error_that_says_what_to_do(ended: Run, name: str) -> None:
    kind = "InvalidHandler" if name == "local dataclass" else "InvalidResponse"
    assert ended[name].facts == (State.ERROR, f"{kind}: {REFUSED[name]}")
    assert ended[name].stage.response == ""
    assert ended[name].outlived
    ended.assert_nothing_else_is_lost(name)


def test_an_object_that_raises_is_an_error_that_names_it(ended: Run) -> None:
    wanted = "InvalidResponse: The response cannot be stored as JSON: KeyError: 'not today'"
    assert ended["grumpy"].facts == (State.ERROR, wanted)
    ended.assert_nothing_else_is_lost("grumpy")


def test_the_error_that_a_bad_response_comes_with_is_not_lost(ended: Run) -> None:
    words = "the bank refused\nInvalidResponse: The response cannot be stored as JSON: "
    refused, changed = ended["refused"], ended["changed"]
    assert refused.facts == (State.ERROR, f"{words}nan is no JSON number; use None or a string.")
    assert changed.facts == (State.ERROR, f"{words}builtins.object {_NO_FORM}")
    assert "LookupError: no such account" in changed.stage.traceback


@pytest.mark.parametrize(
    ("where", "state", "begin"),
    [
        ("message", State.SUCCESS, ""),
        ("error", State.ERROR, ""),
        ("skip", State.SKIPPED, ""),
        ("exception", State.ERROR, "ValueError: "),
    ],
)
def test_text_is_made_fit_to_be_kept(ended: Run, where: str, state: State, begin: str) -> None:
    poison, long = ended[f"poison {where}"], ended[f"long {where}"]
    assert poison.facts == (state, begin + CLEANED)
    assert long.stage.state == state
    assert len(long.stage.message) <= 1 << 16
    found = re.fullmatch(rf"{begin}(x+)\n… ([\d,]+) characters cut …\n(x+)", long.stage.message)
    assert found is not None
    assert len(found[1]) + int(found[2].replace(",", "")) + len(found[3]) == 10_000_000
    if state == State.ERROR:
        assert poison.stage.error is not None
        assert poison.stage.error.message == CLEANED
    for name in (f"poison {where}", f"long {where}"):
        assert poison.attempt is None or poison.attempt.message == begin + CLEANED
        ended.assert_nothing_else_is_lost(name)


def test_progress_is_made_fit_to_be_kept(ended: Run) -> None:
    for text, kept in (("poison", CLEANED.replace("␀", "\0")), ("long", "x" * 1000)):
        assert ended[f"{text} progress"].stage.state == State.SUCCESS
        assert json.loads(ended[f"{text} progress"].stage.response_value) == [1, 2, kept]
        ended.assert_nothing_else_is_lost(f"{text} progress")


@pytest.mark.parametrize("name", IN_COLD)
def test_the_same_happens_in_cold_processes(ended: Run, cold: Run, name: str) -> None:
    cold.assert_same(name, ended)


def test_the_managers_went_on(ended: Run, cold: Run) -> None:
    ended.assert_manager_went_on(code=1)
    cold.assert_manager_went_on(code=1)
    assert max(map(len, ended.said.splitlines())) < 1000


def test_every_value_is_looked_at() -> None:
    assert set(VALUES) == {*KEPT, *REFUSED, "grumpy"}
