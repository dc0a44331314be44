"""What the platform tells of a process."""

from __future__ import annotations

import os
import time

import pytest

from django_tasks_poc.executors import process

#: It knows of no database.
pytestmark = pytest.mark.anywhere


def test_start_time_is_of_this_boot() -> None:
    own = process.start_time(os.getpid())
    assert own is not None
    assert 0 < own <= time.clock_gettime(time.CLOCK_BOOTTIME)
    assert process.start_time(2**22 + 1) is None
