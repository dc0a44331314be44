"""Migrations leave the version before able to work: it misses nothing that it knows, and is asked for nothing new."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import AddField, AddIndex, AlterModelOptions, CreateModel, RemoveField, RemoveIndex
from django.db.migrations.operations.base import Operation

pytestmark = pytest.mark.anywhere

APP = "django_tasks_poc"
#: Since then managers of two versions run side by side.
SINCE = "0003"
HARMLESS = (CreateModel, AddIndex, RemoveIndex, AlterModelOptions)


def complaint(operation: Operation) -> str | None:
    """Say why the version before could not work after the operation; None if it can."""
    if isinstance(operation, AddField):
        field = operation.field
        if field.null or field.has_db_default():
            return None
        return f"{operation.name} needs null=True or db_default: the version before inserts rows without it"
    if isinstance(operation, HARMLESS):
        return None
    return f"{operation.describe()}: the version before may rely on how it was; take it away one release later"


def test_migrations_only_add() -> None:
    migrations = MigrationLoader(None).disk_migrations
    found = [
        f"{name}: {why}"
        for (app, name), migration in sorted(migrations.items())
        if app == APP and name >= SINCE
        for operation in migration.operations
        if (why := complaint(operation))
    ]
    assert apps.is_installed(APP)
    assert found == []


@pytest.mark.parametrize(
    "operation",
    [
        AddField("task", "colour", models.CharField(max_length=8)),
        AddField("task", "colour", models.CharField(max_length=8, default="red")),
        RemoveField("task", "title"),
    ],
)
def test_what_the_version_before_cannot_bear_is_found(operation: Operation) -> None:
    assert complaint(operation)


@pytest.mark.parametrize(
    "operation",
    [
        AddField("task", "colour", models.CharField(max_length=8, null=True)),
        AddField("task", "colour", models.CharField(max_length=8, default="red", db_default="red")),
        AddIndex("task", models.Index(fields=["title"], name="dtp_title")),
        AlterModelOptions("task", {"verbose_name": "job"}),
    ],
)
def test_what_it_can_bear_passes(operation: Operation) -> None:
    assert complaint(operation) is None
