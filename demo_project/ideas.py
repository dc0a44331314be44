"""The ideas that the demo shows: the modules of ``demo_project.handlers`` that make a draft."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from django_tasks_poc import TaskBuilder, TaskDraft

from . import handlers


@dataclass(frozen=True)
class Idea:
    """One idea: its name, what it tells, where its code is, and what makes its task."""

    name: str
    text: str
    path: Path
    draft: Callable[[TaskBuilder], TaskDraft]

    @property
    def summary(self) -> str:
        return self.text.partition("\n")[0]


def find_ideas() -> dict[str, Idea]:
    """Return all ideas by name; a name that Python keeps for itself has lost its underscore: async, finally."""
    names = [module.name for module in pkgutil.iter_modules(handlers.__path__)]
    modules = [import_module(f"{handlers.__name__}.{name}") for name in names]
    found = [_idea(module) for module in modules if hasattr(module, "draft")]
    return {idea.name: idea for idea in found}


def _idea(module: ModuleType) -> Idea:
    name = module.__name__.rpartition(".")[2].rstrip("_")
    text = (inspect.getdoc(module) or "").replace("``", "`")
    return Idea(name, text, Path(inspect.getfile(module)), module.draft)
