"""SQLite files: the options that processes which write beside one another need, and how long they wait."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from .found import found

pytestmark = pytest.mark.anywhere

GOOD = {"init_command": "PRAGMA synchronous=FULL; PRAGMA journal_mode = wal", "timeout": 20}
GOOD |= {"transaction_mode": "IMMEDIATE"}


@pytest.fixture
def even(settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """The settings of a database file with a node of its own; the only node."""
    settings.DJANGO_TASKS_POC = {"NODES": {"default": {"DATABASE": "even", "TIMEOUT": 10}}}
    values = connections["even"].settings_dict
    assert connections["even"].vendor == "sqlite"
    monkeypatch.setitem(values, "OPTIONS", dict(GOOD))
    monkeypatch.setitem(values, "NAME", tmp_path / "even.sqlite3")
    return values


def test_good_options_are_taken(even: dict[str, Any]) -> None:
    assert found(deploy=True) == {}


def test_an_option_that_is_missing_is_named_with_what_to_set(even: dict[str, Any]) -> None:
    even["OPTIONS"] = {}
    where = "DATABASES['even']['OPTIONS']"
    assert {name: warning.hint for name, warning in found().items()} == {
        "W001": f"Set {where}['init_command'] to 'PRAGMA journal_mode=WAL'.",
        "W002": f"Set {where}['timeout'] to 20.",
        "W003": f"Set {where}['transaction_mode'] to 'IMMEDIATE'.",
    }
    even["OPTIONS"] = {"init_command": "PRAGMA journal_mode=WAL", "timeout": 20, "transaction_mode": "IMMEDIATE"}
    assert found() == {}


@pytest.mark.parametrize(
    ("option", "value", "wanted"),
    [
        ("init_command", "PRAGMA journal_mode=DELETE", "W001"),
        ("init_command", None, "W001"),
        ("timeout", 5, "W002"),
        ("transaction_mode", "DEFERRED", "W003"),
        ("transaction_mode", None, "W003"),
    ],
)
def test_an_option_that_does_not_do_is_warned_of(even: dict[str, Any], option: str, value: Any, wanted: str) -> None:
    even["OPTIONS"][option] = value
    assert set(found()) == {wanted}


def test_a_file_that_has_a_write_ahead_log_keeps_it(even: dict[str, Any]) -> None:
    even["OPTIONS"]["init_command"] = None
    file = sqlite3.connect(even["NAME"])
    file.execute("CREATE TABLE one (two)")
    assert set(found()) == {"W001"}
    file.execute("PRAGMA journal_mode=WAL")
    file.close()
    assert found() == {}


def test_a_database_in_memory_has_no_other_writers(even: dict[str, Any]) -> None:
    even["NAME"], even["OPTIONS"] = ":memory:", {}
    assert found(deploy=True) == {}


def test_atomic_stages_that_may_outlast_the_patience_of_others_are_warned_of_in_a_deployment(
    even: dict[str, Any], settings: Any
) -> None:
    settings.DJANGO_TASKS_POC = {"NODES": {"mail": {"DATABASE": "even", "TIMEOUT": 21}}}
    assert found() == {}
    (warning,) = found(deploy=True).values()
    assert warning.id == "django_tasks_poc.W006"
    assert "Node 'mail': an atomic stage holds the lock of its SQLite file, for up to TIMEOUT = 21 s" in warning.msg
    assert "set DATABASES['even']['OPTIONS']['timeout'] to 21." in str(warning.hint)
