"""Foreign keys of the project to our tables: which rows they keep from being deleted, and who has to be asked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError, models, router
from django.db.models import CASCADE, DO_NOTHING, PROTECT, RESTRICT, ProtectedError, QuerySet, RestrictedError, signals
from django.db.models.deletion import Collector, get_candidate_relations_to_delete

from ...models import StageAttempt, Task, TaskEvent, TaskStage

#: The way from each row of a tree to its root.
_ROOT: dict[type[models.Model], str] = {
    StageAttempt: "stage__task__root",
    TaskEvent: "task__root",
    TaskStage: "task__root",
    Task: "root",
}


class Refused(Exception):
    """Rows cannot be deleted, for a reason that is the project's own; its words say which."""


def delete(alias: str, rows: QuerySet[Any]) -> None:
    """Delete rows that nothing of ours refers to any more, and have ``on_delete`` of the project's rows done.

    Raises Refused, or at the end of the transaction IntegrityError.
    """
    if _is_plain(alias, rows.model):
        rows._raw_delete(alias)
        return
    try:
        rows.delete()
    except (DatabaseError, InterfaceError) as error:
        if isinstance(error, ProtectedError | RestrictedError):
            raise Refused(str(error.args[0])) from error
        raise
    except Exception as error:  # Whatever receivers of the project's signals raise.
        raise Refused(f"{type(error).__name__}: {error}") from error


def protected(alias: str, roots: Collection[UUID]) -> dict[UUID, str]:
    """Return the trees, by their roots, of which a row must not be deleted, each with the reason."""
    found: dict[UUID, str] = {}
    for model, way in _ROOT.items():
        for relation in _relations(alias, model):
            field = relation.field
            to_root = f"{field.name}__{way}"
            rows = relation.related_model._base_manager.using(alias).filter(**{f"{to_root}__in": roots})
            on_delete = field.remote_field.on_delete
            if on_delete in (PROTECT, RESTRICT):
                words = f"{relation.related_model._meta.label}.{field.name} protects it"
                found |= dict.fromkeys(_distinct(rows, to_root), words)
            elif on_delete is CASCADE and not Collector(alias).can_fast_delete(rows):
                for root in _distinct(rows, to_root):
                    if reason := _protected_below(alias, rows.filter(**{to_root: root})):
                        found[root] = reason
    return found


def _distinct(rows: QuerySet[Any], to_root: str) -> list[UUID]:
    return list(rows.order_by().values_list(to_root, flat=True).distinct())


def _protected_below(alias: str, rows: QuerySet[Any]) -> str:
    """Say what protects one of the rows of the project that would go with a tree; empty for nothing."""
    keys = list(rows.values_list("pk", flat=True))
    for first in range(0, len(keys), 1000):
        try:
            Collector(alias).collect(rows.model._base_manager.using(alias).filter(pk__in=keys[first : first + 1000]))
        except (ProtectedError, RestrictedError) as error:
            return str(error.args[0]).rstrip(".")
    return ""


def _is_plain(alias: str, model: type[models.Model]) -> bool:
    """Say whether rows of the model may be deleted by a bare statement, without a look at anything else."""
    has_receivers = signals.pre_delete.has_listeners(model) or signals.post_delete.has_listeners(model)
    is_generic = any(hasattr(field, "bulk_related_objects") for field in model._meta.private_fields)
    return not has_receivers and not is_generic and not any(_relations(alias, model))


def _relations(alias: str, model: type[models.Model]) -> Iterator[Any]:
    """Yield the foreign keys to the model from tables of the project in this database."""
    relations: Iterable[Any] = get_candidate_relations_to_delete(model._meta)
    for relation in relations:
        if relation.related_model in _ROOT or relation.field.remote_field.on_delete is DO_NOTHING:
            continue
        if router.allow_migrate_model(alias, relation.related_model):
            yield relation
