"""What is asked of a MySQL or MariaDB database before it is trusted with tasks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connection

from .support import run_manage

TABLE = "django_tasks_poc_managerprocess"


@pytest.fixture(autouse=True)
def mysql(transactional_db: None) -> None:
    if connection.vendor != "mysql":
        pytest.skip("needs MariaDB: DATABASE_URL=mysql://root@127.0.0.1:3306/test pytest tests/test_mysql.py")


@pytest.fixture
def myisam(mysql: None) -> Iterator[None]:
    """One of our tables has an engine without transactions."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {TABLE} ENGINE = MyISAM")
        yield
        cursor.execute(f"ALTER TABLE {TABLE} ENGINE = InnoDB")


@pytest.mark.parametrize("level", ["repeatable read", "serializable", None])
def test_another_isolation_level_is_refused(level: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {**connection.settings_dict["OPTIONS"], "isolation_level": level}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    (error,) = [error for error in run_checks() if error.id == "django_tasks_poc.E003"]
    assert error.msg == (
        f"Database 'default' has the isolation level {level!r}: a verb could act on rows as they were."
    )
    assert error.hint == "Set DATABASES['default']['OPTIONS']['isolation_level'] to 'read committed'."


@pytest.mark.parametrize("options", [{}, {"isolation_level": "READ COMMITTED"}])
def test_read_committed_is_taken(options: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    assert run_checks(databases=["default"]) == []


def test_the_connection_has_that_level() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@transaction_isolation" if not connection.mysql_is_mariadb else "SELECT @@tx_isolation")
        assert cursor.fetchone() == ("READ-COMMITTED",)


def test_a_table_of_another_engine_is_refused(myisam: None) -> None:
    with pytest.raises(CommandError, match=rf"the engine of table {TABLE} is MyISAM, which knows no transactions"):
        call_command("check", databases=["default"])
    checked = run_manage("migrate")
    assert checked.returncode == 1
    assert f"Before any task is built: ALTER TABLE {TABLE} ENGINE = InnoDB." in checked.stderr
