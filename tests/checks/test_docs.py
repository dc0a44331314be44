"""The page of the checks names each check of the code, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = pytest.mark.anywhere


def test_the_page_lists_what_the_code_has() -> None:
    code = [
        found
        for file in (ROOT / "django_tasks_poc").rglob("*.py")
        for found in re.findall(r'id="django_tasks_poc\.([EWI]\d{3})"', file.read_text())
    ]
    page = re.findall(r"^\| `([EWI]\d{3})` \|", (ROOT / "docs" / "checks.md").read_text(), re.MULTILINE)
    assert page == sorted(page)
    assert len(set(page)) == len(page)
    assert set(code) == set(page)
