"""The manager's memory does not grow with the work."""

from __future__ import annotations

import pytest

from benchmarks import memory

from ..support import manager_environment


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_manager_needs_no_more_for_a_hundred_thousand_stages_than_for_a_thousand() -> None:
    few, many = (memory.peak("default", stages, manager_environment()) for stages in (memory.FEW, memory.MANY))
    assert many - few < memory.BOUND, f"{few:.1f} MiB for {memory.FEW:,} stages, {many:.1f} MiB for {memory.MANY:,}"
