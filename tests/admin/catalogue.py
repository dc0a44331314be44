"""The Russian catalogue, read with GNU gettext's own tools."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import django_tasks_poc

PACKAGE = Path(django_tasks_poc.__file__).parent
CATALOGUE = Path("locale/ru/LC_MESSAGES/django.po")


def need_gettext() -> None:
    """Skip where the tools are not installed; fail where nothing may be skipped."""
    if shutil.which("msgfmt") is not None and shutil.which("xgettext") is not None:
        return
    words = "needs GNU gettext: apt-get install gettext"
    if os.environ.get("REQUIRE_SERVICES"):
        pytest.fail(words)
    pytest.skip(words)


def made_anew(folder: Path) -> Path:
    """Return the catalogue as `makemessages` would write it, in a copy of the package below this folder."""
    copy = folder / PACKAGE.name
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "*.mo"))
    command = [sys.executable, "-m", "django", "makemessages", "--locale", "ru", "--no-location", "--no-obsolete"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": ""}
    subprocess.run(command, cwd=copy, check=True, capture_output=True, env=environment)
    return copy / CATALOGUE


def selected(catalogue: Path, *which: str) -> list[str]:
    """Return the messages of a catalogue that `msgattrib` selects."""
    command = ["msgattrib", "--no-wrap", *which, str(catalogue)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [line for line in found.splitlines() if line.startswith("msgid ") and line != 'msgid ""']


def messages(catalogue: Path) -> set[str]:
    """Return the keys of all messages."""
    return set(selected(catalogue, "--no-obsolete"))


def compiled(catalogue: Path) -> bytes:
    """Return what `msgfmt` makes of a catalogue, all its checks passed."""
    command = ["msgfmt", "--check", "--output-file=-", str(catalogue)]
    return subprocess.run(command, check=True, capture_output=True).stdout
