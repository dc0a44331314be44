"""Trees that are built, acted upon and killed at random end exactly; CHAOS_SEED repeats what is built and planned.

``make soak`` does the same for minutes.
"""

from __future__ import annotations

import os
import random
import re

import pytest

from ..support import say
from . import broken, plans, storm

SEED = int(os.environ.get("CHAOS_SEED") or random.randrange(10**6))
#: So many storms may pass until a guarantee that was taken away is missed.
STORMS = 3

pytestmark = pytest.mark.django_db(transaction=True)


def run(request: pytest.FixtureRequest, plan: plans.Plan) -> storm.Result:
    say(request, f"CHAOS_SEED={plan.seed}")
    result = storm.run(plan)
    say(request, str(result))
    return result


def test_a_storm_leaves_everything_as_it_should_be(request: pytest.FixtureRequest) -> None:
    result = run(request, plans.plan(SEED, plans.SECONDS))
    assert not result.violations, "\n".join(result.violations)


def test_500_atomic_stages_leave_500_rows(request: pytest.FixtureRequest) -> None:
    result = run(request, plans.plan_of_rows(SEED, 500))
    assert not result.violations, "\n".join(result.violations)
    figures = result.figures
    assert figures["stages SUCCESS"] == figures["stages"] == figures["atomic rows"] == 500
    assert figures["starts"] > 500


@pytest.mark.slow
@pytest.mark.parametrize(
    ("taken", "words"),
    [
        ("token", "was not the last"),
        ("join", "not consistent|the rows say|holds"),
        ("rescue", "is open: token"),
        ("alone", "began while|began before"),
        ("atomic", "has the rows"),
        ("finally", "has 0 finally stages"),
        ("told", "post-mortems"),
    ],
)
def test_a_guarantee_that_is_taken_away_is_missed(
    taken: str, words: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(broken.VARIABLE, taken)
    found: list[str] = []
    for seed in range(SEED, SEED + STORMS):
        found += run(request, plans.plan(seed, plans.SECONDS, rest=15)).violations
        if any(re.search(words, line) for line in found):
            return
        storm.clean()
    pytest.fail(f"{STORMS} storms did not miss it. They found: {found}")
