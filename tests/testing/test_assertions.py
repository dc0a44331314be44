"""What a test is told of a task that did not do what was expected."""

from __future__ import annotations

import re

import pytest

from django_tasks_poc import EntityWrapper
from django_tasks_poc.testing import assert_failed, assert_succeeded, run_task, tree

from ..building import build
from .handlers import FanOut, Plain, Poll, Sum

pytestmark = [pytest.mark.django_db, pytest.mark.anywhere]


def test_the_tree_is_the_same_each_time() -> None:
    trees = {tree(run_task(build("Sum", EntityWrapper(FanOut, {"numbers": [1, -1]})))) for _ in range(2)}
    (text,) = trees
    assert re.sub(r"\.py:\d+", ".py:LINE", text).split("\n") == [
        "Sum                            SUCCESS",
        "└─ 1. FanOut(numbers=[1, -1])  SUCCESS  1 succeeded, 1 failed",
        "   └─ Batches                  ERROR    1 succeeded, 1 failed",
        "      ├─ 1. Batch(number=1)    SUCCESS  doubled → 2",
        "      └─ 2. Batch(number=-1)   ERROR    ValueError: -1 is negative",
        "         └─ attempt 1          error    at handlers.py:LINE in handle",
    ]


def test_a_failure_prints_the_tree_and_the_errors() -> None:
    task = run_task(build("Sum", EntityWrapper(FanOut, {"numbers": [-number for number in range(1, 9)]})))
    with pytest.raises(AssertionError) as error:
        assert_failed(task)
    text = str(error.value)
    assert text.startswith("“Sum” is SUCCESS, not ERROR.\n\nSum ")
    assert text.count("Traceback (most recent call last)") == 5
    assert text.endswith("… and 3 errors more")


def test_a_failure_may_be_far_below_and_is_looked_for_by_its_words() -> None:
    task = run_task(build("Sum", EntityWrapper(FanOut, {"numbers": [-1]}), EntityWrapper(Sum), EntityWrapper(Plain)))
    assert_failed(task, "there is one already")
    assert_failed(task, "-1 is negative")
    with pytest.raises(AssertionError, match=r"No failure of “Sum” says 'no such words'\.\n\nSum "):
        assert_failed(task, "no such words")


def test_a_task_that_has_not_run_is_no_success() -> None:
    task = build("Poll", EntityWrapper(Poll, {"times": 1}))
    with pytest.raises(AssertionError, match="“Poll” is READY, not SUCCESS and has not ended; run_task runs it"):
        assert_succeeded(task)
