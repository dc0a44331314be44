"""A title or an option of a draft that makes no sense is refused by name, as soon as it is given."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest

from django_tasks_poc import EntityWrapper, RetryPolicy, TaskBuilder
from django_tasks_poc.exceptions import InvalidDraft

from ..building import build
from ..handlers import Goodbye, Noop
from .building import refused

pytestmark = pytest.mark.usefixtures("nothing_is_written")

SHARED = "The shared context cannot be stored as JSON: "
HAVE = "dicts, lists, strings, numbers, booleans, None or a dataclass of them"


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("", "A task's title must be a text that is not empty, not ''."),
        (" \t ", "A task's title must be a text that is not empty, not ' \\t '."),
        (7, "A task's title must be a text that is not empty, not 7."),
        (b"bad", "A task's title must be a text that is not empty, not b'bad'."),
        ("x" * 300, f"The title has 300 characters; at most 255 are kept: '{'x' * 40}'…"),
        ("a\0", "The title 'a\\x00' holds a NUL or a lone surrogate, which no database stores."),
        ("a\ud800", "The title 'a\\ud800' holds a NUL or a lone surrogate, which no database stores."),
    ],
)
def test_a_title_that_nobody_can_read_is_refused(title: Any, words: str) -> None:
    assert refused(InvalidDraft, lambda: build(title, EntityWrapper(Noop))) == words


SECONDS = "seconds from 1 to ten years"
DELAY = "seconds from 0 to ten years"
MOMENT = "a datetime at most ten years ahead, aware if and only if USE_TZ is on"
SHARE = 'an int of at least 0 or a share like "50%"'
KEY = "1 to 255 characters without NUL and lone surrogates"
QUEUE = "at most 64 characters without NUL and lone surrogates"
WORD = "OnError.STOP or OnError.CONTINUE"
LARGE = 10**5000  # which cannot even be shown
NAIVE, FAR = dt.datetime(2026, 1, 2), dt.datetime(9999, 12, 31, tzinfo=dt.UTC)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("option", "value", "shown", "wish"),
    [
        *[("timeout", value, repr(value), SECONDS) for value in (0, -1, 0.9, math.nan, "x", math.inf, 1e300, True)],
        ("timeout", LARGE, "<int>", SECONDS),
        ("timeout", 10**400, f"1{'0' * 99}…", SECONDS),
        *[("priority", value, repr(value), "an int from -100 to 100") for value in (101, -101, True, 1.0, "high")],
        *[("delay", value, repr(value), DELAY) for value in (-1, math.inf, math.nan, 1e18, "soon", False)],
        *[("run_after", value, repr(value), MOMENT) for value in (NAIVE, NAIVE.date(), "tomorrow", FAR)],
        *[("max_failures", value, repr(value), SHARE) for value in (-1, "150%", "x", "50", 1.5, True)],
        *[("max_parallel", value, repr(value), "an int of at least 1") for value in (0, -1, 2**40, True, "2")],
        *[("unique_key", value, repr(value), KEY) for value in ("", 3, "a\0", "\ud800")],
        ("unique_key", "k" * 256, f"'{'k' * 99}…", KEY),
        *[("unique", value, repr(value), "True or False") for value in ("yes", None, 1)],
        *[("parallel", value, repr(value), "True or False") for value in ("yes", 1)],
        *[("retry", value, repr(value), "a RetryPolicy") for value in (3, RetryPolicy)],
        *[("on_error", value, repr(value), WORD) for value in ("stop", "PANIC", 3, [1])],
        *[("queue", value, repr(value), QUEUE) for value in ("q" * 65, 3, None, "\0", "\ud800")],
        *[("finally_", value, repr(value), "an EntityWrapper of an EntityFinally") for value in (Goodbye, "x")],
    ],
    ids=lambda value: str(value)[:30] if value != LARGE else "huge",
)
def test_an_option_is_refused_by_name(option: str, value: Any, shown: str, wish: str) -> None:
    said = refused(InvalidDraft, lambda: build("bad", EntityWrapper(Noop), **{option: value}))
    assert said == f"The draft's option {option} is {shown}; it must be {wish}."
    draft = TaskBuilder().create("good", EntityWrapper(Noop))
    assert refused(InvalidDraft, lambda: draft.using(**{option: value})) == said


AWARE = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"run_after": AWARE, "delay": 5}, "Give delay or run_after, not both."),
        (
            {"unique_key": "k", "unique": False},
            "unique_key needs unique=True; with unique=False nothing is compared.",
        ),
        ({"max_parallel": 2}, "max_parallel needs parallel=True; a sequential task runs one stage at a time."),
        (
            {"on_error": "STOP", "max_failures": 1},
            "max_failures needs on_error=OnError.CONTINUE; a task that stops has no use for it.",
        ),
        ({"shared": object()}, f"{SHARED}builtins.object has no JSON form; use {HAVE}."),
        ({"shared": {"a": math.nan}}, f"{SHARED}nan is no JSON number; use None or a string."),
        ({"shared": "\0"}, f"{SHARED}a string holds a NUL character ('\\x00'), which databases refuse; remove it."),
    ],
)
def test_options_that_contradict_or_cannot_be_stored_are_refused(options: dict[str, Any], words: str) -> None:
    assert refused(InvalidDraft, lambda: build("bad", EntityWrapper(Noop), **options)) == words


@pytest.mark.parametrize(
    ("option", "hint"),
    [("timeuot", "Did you mean 'timeout'? "), ("max_paralel", "Did you mean 'max_parallel'? "), ("zzz", "")],
)
def test_an_unknown_option_is_named_with_the_one_that_was_meant(option: str, hint: str) -> None:
    known = "created_by, delay, finally_, max_failures, max_parallel, on_error, parallel, priority, queue, retry"
    known += ", run_after, shared, timeout, unique, unique_key."
    said = refused(InvalidDraft, lambda: build("bad", EntityWrapper(Noop), **{option: 1}))
    assert said == f"Unknown option '{option}' of a draft. {hint}Known: {known}"


def test_who_created_it_is_kept_as_a_text_that_fits() -> None:
    texts = {"x" * 100_000: "x" * 255, "a\0b": "a␀b", "\ud800": "?", 7: "7"}
    assert {by: build("good", EntityWrapper(Noop), created_by=by, unique=False).created_by for by in texts} == texts


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_attempts": 0}, "max_attempts is 0; it must be an int from 1 to 1,000,000."),
        ({"max_attempts": True}, "max_attempts is True; it must be an int from 1 to 1,000,000."),
        ({"max_attempts": LARGE}, "max_attempts is <int>; it must be an int from 1 to 1,000,000."),
        ({"delay": -1}, "delay is -1; it must be seconds from 0 to ten years."),
        ({"max_delay": 1e300}, "max_delay is 1e+300; it must be seconds from 0 to ten years."),
        ({"backoff": 0.5}, "backoff is 0.5; it must be a number from 1 to 1,000."),
        ({"backoff": math.nan}, "backoff is nan; it must be a number from 1 to 1,000."),
        ({"jitter": "much"}, "jitter is 'much'; it must be True or False."),
        ({"on": 3}, "on holds 3; it must hold subclasses of Exception."),
        (
            {"on": (OSError, KeyboardInterrupt)},
            "on holds <class 'KeyboardInterrupt'>; it must hold subclasses of Exception.",
        ),
    ],
)
def test_a_retry_policy_that_makes_no_sense_is_refused(options: dict[str, Any], words: str) -> None:
    assert refused(InvalidDraft, lambda: RetryPolicy(**options)) == f"RetryPolicy.{words}"


def test_without_time_zones_a_moment_is_naive(settings: Any) -> None:
    settings.USE_TZ = False
    said = refused(InvalidDraft, lambda: TaskBuilder().create("bad", EntityWrapper(Noop), run_after=AWARE))
    assert said == f"The draft's option run_after is {AWARE!r}; it must be {MOMENT}."
    assert TaskBuilder().create("good", EntityWrapper(Noop), run_after=NAIVE).options.run_after == NAIVE
