"""System checks, each with an id and a hint that says what to do; docs/checks.md lists them."""

from . import executors, mysql, rows, settings, sqlite

__all__ = ["executors", "mysql", "rows", "settings", "sqlite"]
