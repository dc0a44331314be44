"""What a child process is measured by."""

from __future__ import annotations

import sys

import pytest

from demo_project.measure import run_measured

MIB = 1 << 20


def test_the_exit_code_and_the_time_of_a_child_are_told() -> None:
    measured = run_measured([sys.executable, "-c", "import sys, time; time.sleep(0.2); sys.exit(3)"])
    assert measured.exit_code == 3
    assert 0.2 <= measured.seconds < 20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the system tells less: see measure.py")
def test_the_peak_of_a_child_is_its_own_and_neither_ours_nor_its_childrens() -> None:
    ours = bytearray(200 * MIB)
    grandchild = "subprocess.run([sys.executable, '-c', 'bytearray(200 << 20)'])"
    code = f"import subprocess, sys, time; {grandchild}; time.sleep(0.2)"
    assert MIB < run_measured([sys.executable, "-c", code]).peak_bytes < 100 * MIB
    assert len(ours) == 200 * MIB
