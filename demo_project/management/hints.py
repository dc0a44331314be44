"""What to type and where to look next, as the demo's commands print it."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.urls import reverse


def shown(path: Path | str) -> Path:
    """Return the path as it is shortest from here."""
    path, here = Path(path), Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def manage(command: str) -> str:
    """Return a line for the shell that runs a command with the Python that runs us."""
    return f"{shown(sys.executable)} manage.py {command}"


def how_to_look(uuid: UUID) -> str:
    """Return what to start and where to go to see a task in the admin."""
    return f"{how_to_serve()}, then {admin_url(uuid)}"


def how_to_serve() -> str:
    """Return what to start so that the admin's pages can be opened."""
    debug = "" if settings.DEBUG else "DEBUG=1 "  # without it runserver leaves out the admin's style sheets
    return f"{debug}{manage('runserver')}"


def admin_url(uuid: UUID) -> str:
    """Return the address of a task's admin page on a local runserver."""
    return f"http://127.0.0.1:8000{reverse('admin:index')}django_tasks_poc/task/{uuid}/change/"
