"""A table to import, and a folder for those that are sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from demo_project.fake_tables import write_table

from .pages import BAD, ROWS
from .sending import LIMIT


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "orders.csv"
    write_table(path, ROWS, BAD, seed=1)
    return path


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    """The folder that uploads go to, which is not there yet."""
    settings.UPLOADS = tmp_path / "demo_data" / "uploads"
    settings.MAX_UPLOAD_BYTES = LIMIT
    return settings.UPLOADS
