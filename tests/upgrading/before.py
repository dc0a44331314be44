"""The version before this one, from git, beside the checkout."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

#: The version before, as long as no tag names it: the last commit before upgrades were promised to roll.
FIRST = "23a74bac754dd5d9826746145caba2ac2d9ec487"


def revision() -> str:
    """Return the last tag before this commit, else ``FIRST``; skip the test where git does not know it.

    A build of CI, which sets REQUIRE_SERVICES, needs the history: there it fails.
    """
    tagged = git("describe", "--tags", "--abbrev=0", "HEAD^")
    found = tagged.stdout.decode().strip() if tagged.returncode == 0 else FIRST
    if git("cat-file", "-e", f"{found}^{{commit}}").returncode == 0:
        return found
    why = f"git does not know {found[:12]}, the version before: git fetch --unshallow --tags"
    if os.environ.get("REQUIRE_SERVICES"):
        pytest.fail(why)
    pytest.skip(why)


def unpack(revision: str, folder: Path) -> Path:
    """Put the files of that version into the folder, and return it."""
    archive = git("archive", revision)
    archive.check_returncode()
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return folder


def git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        return subprocess.CompletedProcess(arguments, 127)
