"""Every kind of executor, as fixtures."""

from __future__ import annotations

import pytest

from .recorder import COLD, FORKED, REUSED, Kind


@pytest.fixture(params=[FORKED, REUSED, COLD], ids=["forked", "reused", "cold"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=[FORKED, REUSED], ids=["forked", "reused"])
def warm(request: pytest.FixtureRequest) -> Kind:
    return request.param  # type: ignore[no-any-return]
