"""What ended lately: counted in bins, read as of any later moment, summed over managers."""

from __future__ import annotations

import pytest

from django_tasks_poc.ends import BIN, BINS, Ended, Ends

pytestmark = pytest.mark.anywhere

NOW = 1_764_031_364.0


def test_what_ended_is_read_as_it_was_counted() -> None:
    ends = Ends()
    for ago, is_failed in ((290, True), (12, False), (11, True), (0, False)):
        ends.add(NOW - ago, is_failed=is_failed)
    found = Ended.read(ends.text(NOW), NOW)
    assert (sum(found.ended), sum(found.failed)) == (4, 2)
    assert found.ended[-3:] == (0, 2, 1)
    assert found.ended[0] == 1


def test_it_grows_old_without_a_new_word_of_the_manager() -> None:
    ends = Ends()
    ends.add(NOW, is_failed=False)
    text = ends.text(NOW)
    assert Ended.read(text, NOW + 2 * BIN).ended[-3] == 1
    assert sum(Ended.read(text, NOW + BIN * BINS).ended) == 0
    assert sum(Ended.read(text, NOW - BIN).ended) == 0  # a clock that is ahead


@pytest.mark.parametrize("text", ["", "x", "{}", "[1]", '[1,["a"],[]]', "[0,[],[]]", "[1,[1],[1],[1]]"])
def test_what_cannot_be_read_counts_nothing(text: str) -> None:
    assert Ended.read(text, NOW) == Ended()


def test_managers_add_up_and_fit_the_column() -> None:
    ends = Ends()
    for index in range(BINS + 5):
        for _ in range(3):
            ends.add(NOW - BIN * (BINS + 4 - index), is_failed=True)
    found = Ended.read(ends.text(NOW), NOW)
    assert sum((found + found).ended) == 2 * 3 * BINS
    assert len(ends.text(NOW).replace("3", "99999")) < 1000
