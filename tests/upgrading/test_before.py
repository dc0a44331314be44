"""Which version is the one before."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import before

pytestmark = pytest.mark.anywhere

AS = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.com", "-c", "commit.gpgsign=false")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with two commits, the first of which has a file."""
    monkeypatch.setattr(before, "ROOT", tmp_path)
    if before.git("init", "--quiet").returncode:
        pytest.skip("needs git")
    (tmp_path / "version").write_text("before")
    before.git("add", "version")
    for message in ("before", "after"):
        before.git(*AS, "commit", "--quiet", "--allow-empty", "--message", message).check_returncode()
    return tmp_path


def test_the_last_tag_before_this_commit_is_taken(repository: Path, tmp_path: Path) -> None:
    before.git("tag", "v1", "HEAD^")
    before.git("tag", "v2", "HEAD")
    assert before.revision() == "v1"
    assert (before.unpack("v1", tmp_path / "there") / "version").read_text() == "before"


def test_without_the_history_it_is_skipped_and_in_ci_it_fails(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUIRE_SERVICES", raising=False)
    why = f"git does not know {before.FIRST[:12]}, the version before: git fetch --unshallow --tags"
    with pytest.raises(pytest.skip.Exception, match=why):
        before.revision()
    monkeypatch.setenv("REQUIRE_SERVICES", "1")
    with pytest.raises(pytest.fail.Exception, match=why):
        before.revision()
