"""What `from django_tasks_poc import …` gives."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

import django_tasks_poc
from django_tasks_poc import nodes


@pytest.mark.parametrize("name", django_tasks_poc.__all__)
def test_a_public_name_is_the_thing_and_no_module(name: str) -> None:
    assert not isinstance(getattr(django_tasks_poc, name), ModuleType)


def test_no_module_takes_a_public_name() -> None:
    """Given a module of that name, then its first import anywhere would put it in the name's place."""
    root = Path(django_tasks_poc.__file__).parent
    modules = {path.stem for path in root.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert not modules & set(django_tasks_poc.__all__)


def test_nodes_are_looked_up_by_label() -> None:
    assert nodes["default"].label == "default"
