"""The databases that the figures are measured on: made for the run, and gone after it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: Variables of the environment by which our processes find the databases: a path, and a URL with the database's name.
SQLITE, POSTGRESQL = "BENCH_SQLITE", "BENCH_POSTGRESQL"
#: Names the file in which a manager is to note the seconds that each call of its database took, one a line.
NOTES = "BENCH_NOTES"
#: Ends the label of a node on the same database that no manager serves.
UNSERVED = "-unserved"
ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"

#: Settings of PostgreSQL without which a commit is not durable, or statistics grow old.
_EXPECTED_ON = ["autovacuum", "fsync", "full_page_writes", "synchronous_commit"]
_DEFAULT_SERVER = "postgres://postgres@127.0.0.1:5432/"


@contextmanager
def prepared() -> Iterator[list[str]]:
    """Choose the databases, before Django is set up; yield what is to be said of them, and drop them at the end."""
    # Beside the results and not in the system's temporary folder, which may be memory: a commit there is no commit.
    RESULTS.mkdir(exist_ok=True)
    folder = tempfile.mkdtemp(dir=RESULTS, prefix=".run-")
    os.environ[SQLITE] = str(Path(folder, "bench.sqlite3"))
    server, notes = os.environ.get("POSTGRES_URL", _DEFAULT_SERVER).rstrip("/"), []
    problem = _problem(server)
    if problem:
        os.environ.pop(POSTGRESQL, None)
        notes.append(f"NOT MEASURED on PostgreSQL: {problem}")
    else:
        os.environ[POSTGRESQL] = f"{server}/bench_{os.getpid()}"
    try:
        yield notes
    finally:
        if not problem:
            from django.db import connections

            connections.close_all()
            drop(os.environ[POSTGRESQL])
        shutil.rmtree(folder)


def labels() -> list[str]:
    """Return the nodes that are measured."""
    from django.conf import settings

    return [label for label in settings.DJANGO_TASKS_POC["NODES"] if not label.endswith(UNSERVED)]


def renew(node: str) -> None:
    """Make the node's database anew, with empty tables: no line pays for what another left."""
    from django.core.management import call_command
    from django.db import connections

    from django_tasks_poc.node import nodes

    alias = nodes[node].database
    connections[alias].close()
    if connections[alias].vendor == "postgresql":
        create(os.environ[POSTGRESQL])
    else:
        for suffix in ("", "-wal", "-shm"):
            Path(os.environ[SQLITE] + suffix).unlink(missing_ok=True)
    call_command("migrate", database=alias, verbosity=0)


def create(url: str) -> None:
    """Make a database on the server of PostgreSQL; one of that name is dropped."""
    drop(url)
    with _server(url) as server:
        server.execute(f'CREATE DATABASE "{_name(url)}"')


def drop(url: str) -> None:
    """Drop a database on the server of PostgreSQL, with the connections to it."""
    with _server(url) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{_name(url)}" WITH (FORCE)')


def version(node: str) -> str:
    """Name the node's database and its version, and what of its server's defaults that matter is off."""
    from django.db import connections

    from django_tasks_poc.node import nodes

    connection = connections[nodes[node].database]
    numbers = ".".join(map(str, connection.get_database_version()))
    name = f"{connection.display_name} {numbers}"
    if connection.vendor != "postgresql":
        return name
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_settings WHERE name = ANY(%s) AND setting = 'off'", [_EXPECTED_ON])
        off = sorted(setting for (setting,) in cursor.fetchall())
    return f"{name} ({', '.join(off)} off)" if off else name


def _problem(server: str) -> str:
    """Say why there is no PostgreSQL; "" when there is."""
    try:
        with _server(server):
            return ""
    except ImportError:
        return "psycopg is not installed"
    except Exception as error:  # OperationalError of a module that may not be there
        return f"{server} does not answer: {str(error).splitlines()[0]}"


def _name(url: str) -> str:
    return url.rpartition("/")[2]


def _server(url: str) -> Any:
    import psycopg

    scheme, _, rest = url.partition("://")
    return psycopg.connect(f"{scheme}://{rest.partition('/')[0]}/postgres", autocommit=True, connect_timeout=5)
