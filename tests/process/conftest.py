"""A witness file for each test, or for all tests of a module where they share a database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .witness import VARIABLE


@pytest.fixture
def witness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of this test's own for its processes to note what they do."""
    path = tmp_path / "witness"
    monkeypatch.setenv(VARIABLE, str(path))
    return path


@pytest.fixture(scope="module")
def shared_database(shared_database: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The same with a witness file, which the tests of a module share too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(tmp_path_factory.mktemp("shared") / "witness"))
        yield
