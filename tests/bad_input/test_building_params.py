"""Params that a handler cannot be made from are refused by name, when they are wrapped or when they are built."""

from __future__ import annotations

import math
from typing import Any

import pytest

from django_tasks_poc import EntityWrapper
from django_tasks_poc.exceptions import InvalidParams

from ..building import build
from . import broken
from .broken import Taking
from .building import refused
from .responses import circle, nested

pytestmark = pytest.mark.usefixtures("nothing_is_written")


CANNOT = "A param of Taking cannot be stored as JSON: "
DEEP = "it is nested more than 500 levels deep, or holds itself; make it flatter."
HAVE = "dicts, lists, strings, numbers, booleans, None or a dataclass of them"
TAKES = "It takes number, day, free."


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"path": 1}, f"Params of Taking: Object contains unknown field `path`. {TAKES}"),
        ({"number": "1"}, f"Params of Taking: Expected `int`, got `str` - at `$.number`. {TAKES}"),
        ({"number": 1.5}, f"Params of Taking: Expected `int`, got `float` - at `$.number`. {TAKES}"),
        ({"number": True}, f"Params of Taking: Expected `int`, got `bool` - at `$.number`. {TAKES}"),
        ({"number": None}, f"Params of Taking: Expected `int`, got `null` - at `$.number`. {TAKES}"),
        ({"number": {1, 2}}, f"Params of Taking: Expected `int`, got `array` - at `$.number`. {TAKES}"),
        ({"number": b"1"}, f"Params of Taking: Expected `int`, got `str` - at `$.number`. {TAKES}"),
        ({"free": object()}, f"{CANNOT}builtins.object has no JSON form; use {HAVE}."),
        ({"free": [1, lambda: 2]}, f"{CANNOT}builtins.function has no JSON form; use {HAVE}."),
        ({"free": math.nan}, f"{CANNOT}nan is no JSON number; use None or a string."),
        ({"free": {"a": -math.inf}}, f"{CANNOT}-inf is no JSON number; use None or a string."),
        ({"free": "a\0b"}, f"{CANNOT}a string holds a NUL character ('\\x00'), which databases refuse; remove it."),
        ({"free": {"a\0": 1}}, f"{CANNOT}a string holds a NUL character ('\\x00'), which databases refuse; remove it."),
        (
            {"free": "\ud800"},
            f"{CANNOT}a string holds half a surrogate pair ('\\ud800'), which is no character; remove it.",
        ),
        ({"free": circle()}, f"{CANNOT}{DEEP}"),
        (
            {"free": nested(100_000)},
            f"{CANNOT}{DEEP}",
        ),
        ({"free": 10**5000}, f"{CANNOT}ValueError: Exceeds the limit"),
        ([("number", 1)], "Params of Taking must be a mapping of names to values, not [('number', 1)]."),
        (None, "Params of Taking must be a mapping of names to values, not None."),
        ("number=1", "Params of Taking must be a mapping of names to values, not 'number=1'."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, dict | list) else None,
)
@pytest.mark.parametrize("handler", [Taking, f"{broken.__name__}.Taking"], ids=["class", "path"])
def test_params_that_do_not_fit_are_refused(handler: Any, params: Any, words: str) -> None:
    said = refused(InvalidParams, lambda: build("bad", EntityWrapper(handler, params)))
    # How Python words its own limits differs between versions.
    assert said == words or (words.endswith("the limit") and said.startswith(words))


def test_a_param_that_is_missing_is_named() -> None:
    words = "Params of Needing: Object missing required field `path`. It takes path."
    assert refused(InvalidParams, lambda: EntityWrapper(broken.Needing)) == words
    assert refused(InvalidParams, lambda: build("bad", EntityWrapper(f"{broken.__name__}.Needing"))) == words


def test_an_int_of_400_digits_comes_back_whole() -> None:
    task = build("good", EntityWrapper(Taking, {"free": 10**400, "number": -(2**70)}))
    assert task.stages.get().params_value == {"free": 10**400, "number": -(2**70)}
