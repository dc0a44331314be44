"""The setting DJANGO_TASKS_POC: its defaults, and what is wrong with it."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from .exceptions import NodeNotConfigured
from .messages import MAX_FRAME
from .words import is_seconds, meant, short

SETTING = "DJANGO_TASKS_POC"
EXECUTORS = ("prefork", "subprocess", "inline")
DEFAULT_STORAGE = "django_tasks_poc.storage.orm.OrmStorage"
#: Stages that one manager runs side by side, at the very most.
MOST_STAGES = 100_000

#: ASCII, because it is part of the name of a PostgreSQL channel, which has 63 bytes.
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")


def default_executor() -> str:
    """Name the executor for this platform: fork is safe on Linux and the BSDs."""
    return "prefork" if sys.platform.startswith(("linux", "freebsd", "openbsd", "netbsd")) else "subprocess"


@dataclass(frozen=True)
class NodeConfig:
    """One entry of NODES; times are seconds."""

    database: str = "default"
    executor: str = field(default_factory=default_executor)
    storage: str = DEFAULT_STORAGE
    queue_size: int | None = None
    timeout: float = 300.0


@dataclass(frozen=True)
class Config:
    """The whole setting; times are seconds, sizes are bytes."""

    nodes: Mapping[str, NodeConfig]
    lease: float = 30.0
    grace: float = 10.0
    kill_after: float = 5.0
    max_response_size: int = 1 << 20
    purge_after: float | None = None
    lock_dir: str | os.PathLike[str] = field(default_factory=tempfile.gettempdir)
    progress_permission: str | None = None

    def node(self, label: str) -> NodeConfig:
        try:
            return self.nodes[label]
        except (KeyError, TypeError):
            known = ", ".join(sorted(self.nodes))
            raise NodeNotConfigured(f"Node {short(label)} is not in {SETTING}['NODES']. Configured: {known}.") from None


@lru_cache(maxsize=1)
def config() -> Config:
    """Return the setting, checked; raise ImproperlyConfigured naming what is wrong."""
    raw = getattr(settings, SETTING, {})
    for problem in problems(raw):
        raise ImproperlyConfigured(problem)
    nodes = {label: NodeConfig(**_lower(node)) for label, node in raw.get("NODES", {"default": {}}).items()}
    return Config(nodes=nodes, **_lower({key: value for key, value in raw.items() if key != "NODES"}))


def _lower(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key.lower(): value for key, value in options.items()}


def problems(raw: Any) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong with the setting."""
    if not isinstance(raw, Mapping):
        yield f"{SETTING} is {short(raw)}; it must be a dict."
        return
    yield from _unknown(raw, {item.name.upper() for item in fields(Config)}, SETTING)
    for key, (holds, wish) in _RULES.items():
        if key in raw and not holds(raw[key]):
            yield f"{SETTING}[{key!r}] is {short(raw[key])}; it must be {wish}."
    nodes = raw.get("NODES", {"default": {}})
    if not isinstance(nodes, Mapping) or not nodes:
        yield f"{SETTING}['NODES'] is {short(nodes)}; it must be a dict with at least one node."
        return
    for label, node in nodes.items():
        yield from _node_problems(label, node)


def _node_problems(label: Any, node: Any) -> Iterator[str]:
    where = f"{SETTING}['NODES'][{short(label)}]"
    if not isinstance(label, str) or not _LABEL.fullmatch(label):
        yield f"{where}: a node's label is a name of 1 to 40 letters (a to z), digits, _ and -."
    if not isinstance(node, Mapping):
        yield f"{where} is {short(node)}; it must be a dict."
        return
    yield from _unknown(node, {item.name.upper() for item in fields(NodeConfig)}, where)
    for key, (holds, wish) in _NODE_RULES.items():
        if key in node and not holds(node[key]):
            yield f"{where}[{key!r}] is {short(node[key])}; it must be {wish}."
    database = node.get("DATABASE", "default")
    if database not in list(settings.DATABASES):
        yield f"{where}['DATABASE'] is {short(database)}, which is not in DATABASES. {_known(settings.DATABASES)}"


def _unknown(given: Mapping[str, Any], known: set[str], where: str) -> Iterator[str]:
    for key in given:
        if key not in known:
            yield f"{where} has the unknown key {short(key)}. {meant(key, known)}"


def _known(names: Iterable[str]) -> str:
    return f"Known: {', '.join(sorted(names))}."


def is_count(value: Any, most: int) -> bool:
    """Say whether the value is an int from 1 to ``most``."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


#: What a key's value must be, and how that is said.
_Rules = dict[str, tuple[Callable[[Any], bool], str]]
_RULES: _Rules = {
    "LEASE": (lambda v: is_seconds(v, 1), "seconds from 1 to ten years"),
    "GRACE": (lambda v: is_seconds(v, 0), "seconds from 0 to ten years"),
    "KILL_AFTER": (lambda v: is_seconds(v, 0), "seconds from 0 to ten years"),
    # A response travels as text in a message, where each of its characters may take two bytes.
    "MAX_RESPONSE_SIZE": (lambda v: is_count(v, MAX_FRAME // 4), f"an int of bytes from 1 to {MAX_FRAME // 4:,}"),
    "PURGE_AFTER": (lambda v: v is None or is_seconds(v, 0), "None or seconds from 0 to ten years"),
    "LOCK_DIR": (lambda v: isinstance(v, str | os.PathLike) and str(v) != "", "the path of a folder"),
    "PROGRESS_PERMISSION": (
        lambda v: v is None or (isinstance(v, str) and "." in v),
        "None or the dotted path of a function of (request, task)",
    ),
}
_NODE_RULES: _Rules = {
    "EXECUTOR": (lambda v: v in EXECUTORS, f"one of {', '.join(EXECUTORS)}"),
    "STORAGE": (lambda v: isinstance(v, str) and "." in v, "the dotted path of a class"),
    "QUEUE_SIZE": (lambda v: v is None or is_count(v, MOST_STAGES), f"None or an int from 1 to {MOST_STAGES:,}"),
    "TIMEOUT": (lambda v: is_seconds(v, 1), "seconds from 1 to ten years"),
}


def _forget(*, setting: str, **_: Any) -> None:
    if setting == SETTING:
        config.cache_clear()


setting_changed.connect(_forget)
