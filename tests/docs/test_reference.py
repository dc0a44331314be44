"""The pages of reference say what the code says."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from django_tasks_poc.conf import Config, NodeConfig
from django_tasks_poc.states import State

from . import states

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
OF_PLATFORM = "of the platform"  # said in words

pytestmark = pytest.mark.anywhere


def documented(heading: str) -> dict[str, str]:
    """Return the keys of the table under the heading, with their defaults as written."""
    page = (DOCS / "settings.md").read_text()
    part = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r'^\| `"(\w+)"` \| (.+?) \|', part, re.MULTILINE))


def in_code(config: type) -> dict[str, str]:
    return {item.name.upper(): _default(item) for item in fields(config)}


def _default(item: Any) -> str:
    if item.name == "nodes":
        return '`{"default": {}}`'
    if item.default is MISSING:
        return OF_PLATFORM
    return f'`"{item.default}"`' if isinstance(item.default, str) else f"`{_number(item.default)}`"


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


@pytest.mark.parametrize(("heading", "config"), [("Of the project", Config), ("Of a node", NodeConfig)])
def test_every_setting_is_there_with_its_default(heading: str, config: type) -> None:
    expected, found = in_code(config), documented(heading)
    assert found.keys() == expected.keys()
    for key, default in expected.items():
        assert found[key] == default or default == OF_PLATFORM, key


def test_the_diagrams_are_the_table_of_moves() -> None:
    page = states.PAGE.read_text()
    assert "stateDiagram-v2" in page
    assert page == states.drawn(page), "python -m tests.docs.states draws them anew"


def test_every_state_is_explained() -> None:
    assert re.findall(r"^\| ([A-Z]+) \|", states.PAGE.read_text(), re.MULTILINE) == list(State)
