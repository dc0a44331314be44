"""Secrets in stored JSON: hidden at any depth and in any text, in a time that grows with the length alone."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from django_tasks_poc.admin.values import LIMIT, masked, show_json
from django_tasks_poc.masking import indented, masked_json
from django_tasks_poc.serialization import MAX_DEPTH

pytestmark = pytest.mark.anywhere


def nested(depth: int, items: int) -> str:
    """Return a secret and so many numbers, so many levels deep."""
    inside = f'{{"api_key":"hunter2","rows":[{",".join(["1"] * items)}]}}'
    return '{"a":' * (depth - 2) + inside + "}" * (depth - 2)


def calls(text: str) -> int:
    """Count the calls of Python and C functions that it takes to show a text."""
    count = 0

    def step(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(step)
    try:
        show_json(text)
    finally:
        sys.setprofile(None)
    return count


def test_the_deepest_value_that_is_stored_is_shown_as_json() -> None:
    shown = show_json(nested(MAX_DEPTH, 3))
    assert shown.note == ""
    assert "hunter2" not in shown.text
    assert '"rows"' in shown.text
    value = json.loads(masked(nested(MAX_DEPTH, 3))[0])
    while "a" in value:
        value = value["a"]
    assert value["rows"] == [1, 1, 1]


def test_a_deep_value_costs_as_much_as_a_flat_one() -> None:
    assert calls(nested(MAX_DEPTH, 10_000)) < 2 * calls(nested(3, 10_000))
    assert len(masked(nested(MAX_DEPTH, 10_000))[0]) < 2_000_000


@pytest.mark.parametrize("unit", ['"KEY', '"\\"', "KEY", '{"a', '"token" '])
def test_a_megabyte_of_text_that_is_no_json_is_shown_cut(unit: str) -> None:
    whole = show_json('{"' + unit * ((1 << 20) // len(unit)) + '"password": "hunter2"')
    assert "hunter2" not in whole.text
    assert len(whole.text) <= LIMIT


def test_text_that_is_no_json_is_shown_up_to_its_first_secret() -> None:
    shown = show_json('{"path": "a.csv", "x": \\", "API_key": ["hunter2"], "rows": 7')
    assert shown.text.startswith('{"path": "a.csv"')
    assert shown.text.endswith("********************")
    assert "hunter2" not in shown.text


@pytest.mark.parametrize(
    "value", [None, "é", [], {}, [[], {}], {"a": {}, "b": [1, {"c": [2.5, None, True]}], 'q"': "\n"}, [{"a": [[1], 2]}]]
)
def test_a_value_is_written_as_json_does_it(value: Any) -> None:
    assert indented(value) == json.dumps(value, indent=2, ensure_ascii=False)
    assert masked_json(json.dumps(value)) == value


def test_what_is_below_the_name_of_a_secret_is_hidden_with_it() -> None:
    value = masked_json('[{"secrets": {"deep": [1]}, "TOKEN": 7, "name": "token"}]')
    assert value == [{"secrets": "*" * 20, "TOKEN": "*" * 20, "name": "token"}]
