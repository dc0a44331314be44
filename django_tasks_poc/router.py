"""A database router for nodes that have databases of their own."""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model

from .conf import config

_LABEL = "django_tasks_poc"


class NodeRouter:
    """Puts this package's tables on every node's database, and nothing else on those that only nodes use.

    In settings: ``DATABASE_ROUTERS = ["django_tasks_poc.router.NodeRouter"]``.
    """

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool | None:
        databases = {node.database for node in config().nodes.values()}
        if app_label == _LABEL:
            return db in databases
        return False if db in databases - {DEFAULT_DB_ALIAS} else None

    def allow_relation(self, one: Model, other: Model, **_: Any) -> bool | None:
        """Tasks of two databases are never related; what else there is, is not ours to say."""
        if one._meta.app_label == other._meta.app_label == _LABEL:
            return one._state.db == other._state.db
        return None
