"""Building with bad input: what every such test has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def refused(error: type[Exception], work: Callable[[], Any]) -> str:
    """Return what the work is refused with."""
    with pytest.raises(error) as caught:
        work()
    return str(caught.value)
