"""What the tests of this folder need is there; where it is not, this is the one test of them that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.anywhere


def test_a_browser_is_there(chromium: Browser) -> None:
    assert int(chromium.version.split(".")[0]) >= 120
