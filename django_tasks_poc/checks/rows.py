"""Checks that look into the nodes' databases: ``check --database ALIAS`` asks them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from ..entities import EntityFinally, EntityHandler
from ..exceptions import InvalidHandler
from ..node import EntityNode, nodes
from ..options import TaskOptions
from ..serialization import import_class
from .settings import TAG, is_sound

#: Open tasks of a node that are looked at, found by an index: what the check costs does not grow with the tables.
MOST_TASKS = 10_000


@register(TAG, Tags.database)
def check_rows(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Name migrations that are not applied, and handlers of open tasks that cannot be imported."""
    if "migrate" in sys.argv[1:2] or not is_sound():
        return []  # migrate asks before it applies them
    asked = [node for node in nodes.values() if node.database in (databases or ())]
    return [message for node in asked for message in _check_node(node)]


def _check_node(node: EntityNode) -> Iterator[CheckMessage]:
    try:
        query = node.task_query
    except ImproperlyConfigured:
        return  # E002 says why
    if (missing := query.unapplied()) is not None:
        what, _, command = str(missing).partition(". ")
        yield Error(f"{what}.", hint=f"{command} Until then its managers wait.", id="django_tasks_poc.E005")
        return
    for why in sorted(_gone(query.options_of_open(MOST_TASKS))):
        yield Warning(
            f"Node {node.label!r} has open tasks whose handler is gone: {why}",
            hint="Put it back, or an import of it at that path, until they have ended; or cancel them (cancel_task).",
            id="django_tasks_poc.W007",
        )


def _gone(found: Sequence[TaskOptions]) -> set[str]:
    """Return why handlers cannot be imported, each once."""
    finallies = {(options.finally_.handler, EntityFinally) for options in found if options.finally_ is not None}
    handlers = {(path, EntityHandler) for options in found for path in options.handlers}
    paths = {path for path, _ in finallies}
    return {
        why
        for path, base in finallies | {pair for pair in handlers if pair[0] not in paths}
        if (why := _why_gone(path, base))
    }


def _why_gone(path: str, base: type) -> str:
    try:
        import_class(path, base)
    except InvalidHandler as error:
        return str(error)
    return ""
