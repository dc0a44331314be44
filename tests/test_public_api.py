"""What `from django_tasks_poc import …` gives."""

from __future__ import annotations

import os
import subprocess
import sys
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


def test_public_names_but_those_of_rows_are_there_before_the_apps_are_ready() -> None:
    """Given a settings module, which may import from here, then no model is loaded by it."""
    names = set(django_tasks_poc.__all__) - {"TaskManager", "TaskManagerOptions", "TaskViewer"}
    code = f"import django_tasks_poc as api\nfor name in {sorted(names)}: getattr(api, name)"
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
