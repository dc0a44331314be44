"""Making the storage that a node's setting names, and finding out what it lacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_type_hints

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string


def load_storage(path: str, node: str, database: str, protocol: type) -> Any:
    """Return the storage at the dotted path, made for the node; raise ImproperlyConfigured when it is none."""
    what = f"Node {node!r}: STORAGE {path!r}"
    try:
        made = import_string(path)(node, database)
    except Exception as error:  # Whatever a foreign module and class raise.
        raise ImproperlyConfigured(f"{what} cannot be used: {type(error).__name__}: {error}") from error
    if lacking := ", ".join(_lacking(made, protocol)):
        raise ImproperlyConfigured(f"{what} lacks {lacking}.")
    return made


def _lacking(made: Any, protocol: type) -> Iterator[str]:
    """Name the attributes of a protocol, and the methods of their protocols, that an object has not."""
    for part, kind in get_type_hints(protocol).items():
        found = getattr(made, part, None)
        if found is None:
            yield part
            continue
        for name in vars(kind):
            if not name.startswith("_") and not callable(getattr(found, name, None)):
                yield f"{part}.{name}"
